import { GITHUB_ISSUER } from '../sigstore/fulcio-extensions.ts';
import { describeSource } from '../slsa/assess-provenance.ts';
import type { BuilderRule, SlsaPolicy } from '../slsa/slsa-policy.ts';

/** Items of one list that a sentence names. */
const SHOWN = 3;

/** What a policy's `slsa` would accept, for people. */
export function describeSlsa(policy: SlsaPolicy): string {
  const { requiredLevel, builders, sources, refs, buildTypes, triggers, runnerEnvironment, maxAge } = policy;
  const runners = runnerEnvironment === undefined ? [] : [runnerEnvironment];
  return [
    `SLSA build level ${requiredLevel}`,
    ...anyOf('builder', builders.map(describeBuilder)),
    ...anyOf(
      'issuer',
      policy.githubIssuers.filter((issuer) => issuer !== GITHUB_ISSUER),
    ),
    ...anyOf('source', sources.map(describeSource)),
    ...anyOf('ref', refs.map(sourceOf)),
    ...anyOf('build type', buildTypes),
    ...anyOf('trigger', triggers),
    ...anyOf('runner', runners),
    ...(maxAge === undefined ? [] : [`not older than ${Math.ceil(maxAge / HOUR)} h`]),
  ].join(', ');
}

const sourceOf = ({ source }: { readonly source: string }): string => source;

const HOUR = 3_600_000;

function describeBuilder({ id, refs, signerRef }: BuilderRule): string {
  const versions = refs.length === 0 ? '' : ` at ${refs.map(sourceOf).join(' or ')}`;
  return `${id}${versions}${signerRef === undefined ? '' : ` [TrustedSigner "${signerRef}"]`}`;
}

function anyOf(word: string, items: readonly string[]): readonly string[] {
  if (items.length === 0) return [];
  const shown = items.slice(0, SHOWN).join(' or ');
  const more = items.length > SHOWN ? ` or ${items.length - SHOWN} more` : '';
  return [`${word} ${shown}${more}`];
}
