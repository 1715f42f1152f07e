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
import { readFields, readValue } from './field-problems.ts';
import { attempt, broken, readIdentity, unique, type IdentityShape } from './read-trusted-key.ts';
import type { TrustedSigner, TrustRootResource } from './resources.ts';
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
  let root: TrustRootResource['root'];
  if (problems.length === 0 && whole.value?.trustedRoot !== undefined) {
    const { trustedRoot, proofs } = whole.value;
    const read = attempt(
      () => parseTrustRoot(parseStrictJson(trustedRoot, 'trustedRoot'), requirementsOf(proofs)),
      'spec.trustedRoot',
    );
    root = read.value;
    problems = read.problems;
  }
  return { resource: { kind: 'TrustRoot', name, generation, root, problems }, problems };
}

const PRESETS = { PublicGood: PUBLIC_GOOD, GitHub: GITHUB, Private: PRIVATE_INSTANCE } as const;

function requirementsOf(proofs: z.output<typeof trustRootSpec>['proofs']): ProofRequirements {
  const { preset, logEntries, timestamps, scts } = proofs;
  const given = { logEntries, timestamps, scts };
  if (given.logEntries !== undefined && given.timestamps !== undefined && given.scts !== undefined) {
    return given as ProofRequirements;
  }
  return PRESETS[preset ?? 'PublicGood'];
}
