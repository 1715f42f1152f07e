import type * as z from 'zod';
import { parseStrictJson } from '../strict-json.ts';
import {
  GITHUB,
  parseTrustRoot,
  PRIVATE_INSTANCE,
  PUBLIC_GOOD,
  type ProofRequirements,
} from '../sigstore/trust-root.ts';
import type { Envelope, Inspection } from './envelope.ts';
import { readFields, readValue, type Read } from './field-problems.ts';
import { attempt, broken, readIdentity, unique, type IdentityShape } from './read-trusted-key.ts';
import type { TrustedSigner, TrustRootResource, TrustRootSource } from './resources.ts';
import { trustedSignerSpec, trustRootSpec } from './trust-schema.ts';

/** Reads a signer. Anything wrong with it, and it vouches for nothing. */
export function readTrustedSigner(envelope: Envelope): Inspection<TrustedSigner> {
  const { spec: json, name, labels, generation } = envelope;
  // Field by field first, for a complete list; then as a whole, for the conditions over several fields.
  const { values, problems: fieldProblems } = readFields(trustedSignerSpec, json, 'spec');
  const whole = readValue(trustedSignerSpec, json, 'spec');
  const problems = unique([...envelope.problems, ...fieldProblems, ...whole.problems]);
  const identity =
    problems.length === 0 && whole.value !== undefined
      ? readIdentity(whole.value as IdentityShape, 'spec')
      : broken('spec', problems);
  const resource: TrustedSigner = {
    kind: 'TrustedSigner',
    name,
    labels,
    generation,
    description: values.description,
    identity: identity.entry,
    enabled: values.enabled ?? false,
    expiresAt: milliseconds(values.expiresAt),
    signedNotBefore: milliseconds(values.signedNotBefore),
    signedNotAfter: milliseconds(values.signedNotAfter),
    problems,
  };
  return { resource, problems: unique([...problems, ...identity.problems]) };
}

function milliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

/** Reads a trust root. Anything wrong with it, and there is none. */
export function readTrustRoot(envelope: Envelope): Inspection<TrustRootResource> {
  const { spec: json, name, generation } = envelope;
  const fields = readFields(trustRootSpec, json, 'spec');
  const whole = readValue(trustRootSpec, json, 'spec');
  let problems = unique([...envelope.problems, ...fields.problems, ...whole.problems]);
  const requires = requirementsOf(whole.value?.proofs);
  let source: TrustRootSource | undefined;
  if (problems.length === 0 && whole.value !== undefined) {
    const read = readSource(whole.value, requires);
    source = read.value;
    problems = read.problems;
  }
  return { resource: { kind: 'TrustRoot', name, generation, source, requires, problems }, problems };
}

type TrustRootSpec = z.output<typeof trustRootSpec>;

function readSource(spec: TrustRootSpec, requires: ProofRequirements): Read<TrustRootSource> {
  const { trustedRoot, publicGood, tuf } = spec;
  if (trustedRoot !== undefined) {
    return attempt(
      () => ({
        kind: 'inline',
        root: parseTrustRoot(parseStrictJson(trustedRoot, 'trustedRoot'), requires),
      }),
      'spec.trustedRoot',
    );
  }
  if (tuf === undefined) {
    return { value: { kind: 'publicGood', mirror: publicGood?.mirror }, problems: [] };
  }
  const { root, mirror, archive = '', target } = tuf;
  const from =
    mirror === undefined
      ? ({ kind: 'archive', bytes: Buffer.from(archive, 'base64') } as const)
      : ({ kind: 'mirror', url: mirror } as const);
  return attempt(() => {
    // Whether it is signed is for the TUF client to say; that it is JSON, whoever applies it is told now.
    parseStrictJson(root, 'tuf.root');
    return { kind: 'tuf', root, from, target };
  }, 'spec.tuf.root');
}

const PRESETS = { PublicGood: PUBLIC_GOOD, GitHub: GITHUB, Private: PRIVATE_INSTANCE } as const;

function requirementsOf(proofs: TrustRootSpec['proofs'] | undefined): ProofRequirements {
  const { preset, logEntries, timestamps, scts } = proofs ?? {};
  const given = { logEntries, timestamps, scts };
  if (given.logEntries !== undefined && given.timestamps !== undefined && given.scts !== undefined) {
    return given as ProofRequirements;
  }
  return PRESETS[preset ?? 'PublicGood'];
}
