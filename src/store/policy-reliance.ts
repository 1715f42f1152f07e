import type { SigningException } from '../api/resources.ts';
import { policyKey } from '../policy/exception.ts';
import { asksPlatforms } from '../policy/provenance-rule.ts';
import type { CompiledSlsa } from '../policy/compiled-slsa.ts';
import type { ExpandedEntries } from '../policy/signer-entry.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';

/** Whom one demand of a policy relies on. */
export interface Reliance {
  /** The sentence for when nobody can be relied on. */
  readonly nobody: string;
  readonly isUsable: boolean;
  /** What of it cannot be used. */
  readonly problems: readonly string[];
}

/** One for each demand of a policy: signatures, provenance, each attestation. */
export function reliancesOf({ policy, entries, slsa, attestations }: CompiledPolicy): readonly Reliance[] {
  return [
    ...(policy.rules?.requireSignature === true ? [relianceOn('trustedKeys', entries)] : []),
    ...(slsa === undefined ? [] : [relianceOfSlsa(slsa)]),
    ...attestations.map(({ demand, entries: signers }) =>
      relianceOn(`${demand.field.replace(/^spec\./, '')}.signers`, signers),
    ),
  ];
}

/** Policies that an exception names: one that is not there may be a slip of the pen. */
export function relianceOfException(
  { grant }: SigningException,
  policies: readonly CompiledPolicy[],
): readonly Reliance[] {
  if (grant?.policies === undefined) return [];
  const known = new Set(policies.map(({ policy }) => policyKey(policy)));
  const missing = [...grant.policies].filter((key) => !known.has(key));
  return [
    {
      nobody: 'None of its policies exists',
      isUsable: missing.length < grant.policies.size,
      problems: missing.map((key) => {
        const kind = key.includes('/') ? 'SigningPolicy' : 'ClusterSigningPolicy';
        return `policies: ${kind} "${key}" does not exist`;
      }),
    },
  ];
}

function relianceOn(list: string, entries: ExpandedEntries): Reliance {
  const nobody = `No entry of ${list} can be used`;
  return { nobody, isUsable: entries.usable.length > 0, problems: problemsOf(entries) };
}

function relianceOfSlsa(slsa: CompiledSlsa): Reliance {
  const { platforms } = slsa;
  const signers = [...slsa.signers.values()];
  const byPlatforms = asksPlatforms(slsa);
  const ofPlatforms =
    !byPlatforms || platforms.kind === 'bound'
      ? []
      : [platforms.kind === 'unusable' ? platforms.why : platforms.fault.detail];
  return {
    nobody: 'Nobody can sign the provenance that slsa asks for',
    isUsable: (byPlatforms && platforms.kind === 'bound') || signers.some(({ usable }) => usable.length > 0),
    problems: [...ofPlatforms, ...signers.flatMap(problemsOf)],
  };
}

function problemsOf({ unusable, unavailable }: ExpandedEntries): readonly string[] {
  return [
    ...unusable.map(({ label, why }) => `${label}: ${why}`),
    ...unavailable.map(({ label, fault }) => `${label}: ${fault.detail}`),
  ];
}
