import type { Condition } from '../../src/api/condition.ts';
import type { AttestationDemand, PolicyRules, SlsaDemand } from '../../src/api/resources.ts';
import type { VerifiedFact } from '../../src/policy/image-facts.ts';
import type { RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import type { SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import { GOLD_POLICY } from '../slsa/judgements.ts';
import {
  generatorStatement,
  githubSigner,
  policy as slsaPolicy,
  readJson,
  RELEASED,
  summaryStatement,
  changed,
  type Json,
} from '../slsa/statements.ts';
import { keyIdentity, keyless, KEY, signature } from './builders.ts';

/** Verified statements about the image of `builders.ts`, and what policies ask of them. */

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v0.2';
export const SBOM_TYPE = 'https://spdx.dev/Document';
export const SCAN_TYPE = 'https://cosign.sigstore.dev/attestation/vuln/v1';

/** A verified SLSA statement; as it is, by slsa-github-generator for acme/app. */
export function provenance(
  json: Json = generatorStatement(),
  overrides: Partial<VerifiedFact> = {},
): VerifiedFact {
  return signature({
    content: { kind: 'attestation', predicateType: String(json['predicateType']) },
    signer: githubSigner(RELEASED),
    slsa: readJson(json),
    ...overrides,
  } as Partial<VerifiedFact>);
}

/** A verification summary of the image of `builders.ts`, by the key of its verifier. */
export function summary(overrides: Partial<VerifiedFact> = {}): VerifiedFact {
  const json = changed(summaryStatement(), 'predicate.resourceUri', 'ghcr.io/org/server');
  return provenance(json, { signer: keyIdentity(KEY), ...overrides });
}

/** A verified statement of another type, by the very signer of `rules()`. */
export function attestation(overrides: Partial<VerifiedFact> = {}, predicateType = SBOM_TYPE): VerifiedFact {
  return signature({
    content: { kind: 'attestation', predicateType },
    ...overrides,
  } as Partial<VerifiedFact>);
}

/** Evidence that verifies nowhere, and says that it is an attestation. */
export function refused(overrides: Partial<RefusedEvidence> = {}): RefusedEvidence {
  return {
    source: 'referrer bad',
    code: 'CERT_INVALID',
    detail: 'no authority of the trust root issued it',
    claims: 'attestation',
    ...overrides,
  };
}

export function slsaDemand(changes: Partial<SlsaPolicy> = {}, trustRoot?: string): SlsaDemand {
  return { policy: slsaPolicy({ ...GOLD_POLICY, ...changes }), trustRoot };
}

export function attestationDemand(changes: Partial<AttestationDemand> = {}): AttestationDemand {
  return {
    field: 'spec.attestations[0]',
    predicateType: SBOM_TYPE,
    signers: [keyless({ field: 'spec.attestations[0].signers[0]' })],
    conditions: [],
    maxAge: undefined,
    ...changes,
  };
}

/** A policy that asks for provenance and for nothing else. */
export function slsaOnly(changes: Partial<SlsaPolicy> = {}, trustRoot?: string): Partial<PolicyRules> {
  return { requireSignature: false, trustedKeys: [], slsa: slsaDemand(changes, trustRoot) };
}

/** A policy that asks for attestations and for nothing else. */
export function attestationsOnly(...attestations: readonly AttestationDemand[]): Partial<PolicyRules> {
  return { requireSignature: false, trustedKeys: [], attestations };
}

/** A condition whose results stand in the facts. */
export function condition(source: string, message = `it says ${source}`): Condition {
  return {
    source,
    message,
    evaluate: () => {
      throw new Error('the policy ring reads results, and evaluates nothing');
    },
  };
}
