import type { FaultCode, RefusalCode } from '../errors.ts';
import type { SlsaViolationCode } from '../slsa/slsa-policy.ts';
import type { Mode } from '../api/resources.ts';

/** Codes of "no" that the policy adds to those of bad evidence. A closed set: metrics, messages and tests are keyed by it. */
export const POLICY_VIOLATION_CODES = [
  'REF_INVALID', // an image reference that the node would not accept either
  'SIGNATURE_MISSING', // nothing was found that says "this is my image"
  'IDENTITY_MISMATCH', // signed, by somebody whom no entry names
  'SIGNER_DISABLED', // the signer that signed is switched off
  'SIGNER_EXPIRED', // past expiresAt, or signed outside signedNotBefore..signedNotAfter
  'THRESHOLD', // fewer distinct signers (or logs, or authorities) than asked for
  'ATT_CONDITION', // an attestation does not say what the policy asks
  'DIGEST_REVOKED', // listed in revokedDigests
  'TAG_NOT_PINNED', // tagPolicy Pin: a Pod that reached validation with a tag
  'DIGEST_REQUIRED', // tagPolicy RequireDigest
  'POLICY_INVALID', // the policy, or all that it relies on, cannot be used
  'NO_POLICY', // no policy covers the image, and noMatch says to deny
  'REVIEW_INVALID', // the object's shape is not that of its kind
] as const;

export type ViolationCode = RefusalCode | SlsaViolationCode | (typeof POLICY_VIOLATION_CODES)[number];

/** One coded reason why a policy is not met. */
export interface Violation {
  readonly code: ViolationCode;
  /** One sentence: what was found and what was expected. Verified fields only, escaped and bounded. */
  readonly detail: string;
  /** The piece of evidence that it is about, where others may be refused for the same reason. */
  readonly source?: string;
  /** Evidence was found that was not verified: it cannot be read, or there is more than may be looked at. */
  readonly unverified?: 'unread' | 'bound';
  /** The end of the headline, which starts with the image, where the code alone does not say it. */
  readonly headline?: string;
  /** What was asked of evidence; absent = a signature, or something of the reference itself. */
  readonly about?: 'provenance' | 'attestation';
  /** What the policy would accept, for people; absent = what its `trustedKeys` ask, where it asks for signatures. */
  readonly expected?: string;
  /** What the owners of the policy would write to take it, where one field would do. */
  readonly entry?: string;
}

/** One coded reason why nobody could tell. */
export interface FaultReason {
  readonly code: FaultCode;
  readonly detail: string;
}

/** Which policy a verdict is about; undefined policy = the installation's own rule (`noMatch`, an unreadable reference). */
export interface PolicyIdentity {
  readonly kind: 'ClusterSigningPolicy' | 'SigningPolicy';
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Who vouched, for the log, the audit annotations and the REST answer. */
export interface MatchedSigner {
  /** Name of the TrustedSigner, or the field of the policy's inline entry. */
  readonly entry: string;
  /** `issuer subject`, or `sha256:…` of a key. */
  readonly identity: string;
  readonly issuer: string | undefined;
  /** Earliest trusted time, milliseconds since the epoch; undefined where none was asked for. */
  readonly signedAt: number | undefined;
}

/** What was verified of how an image was built. */
export interface ProvenanceFinding {
  /** SLSA build level. */
  readonly level: number;
  /** The builder, or the verifier whose summary counted. */
  readonly builder: string | undefined;
  readonly source: string | undefined;
  readonly ref: string | undefined;
  readonly commit: string | undefined;
  /** Where the statement was found. */
  readonly evidence: string;
  /** Earliest trusted time, milliseconds since the epoch. */
  readonly signedAt: number | undefined;
}

/** A `SigningException` that a verdict denies nothing because of. */
export interface AppliedException {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** One image under one policy. */
export interface Verdict {
  readonly policy: PolicyIdentity | undefined;
  readonly mode: Mode;
  readonly outcome: Outcome;
  /** Absent = none: under Enforce what is not verified denies. */
  readonly exception?: AppliedException;
}

export type Outcome =
  | {
      readonly kind: 'verified';
      readonly signers: readonly MatchedSigner[];
      /** Undefined where the policy asks for none. */
      readonly provenance?: ProvenanceFinding;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'violated'; readonly violations: readonly [Violation, ...Violation[]] }
  | { readonly kind: 'faulted'; readonly faults: readonly [FaultReason, ...FaultReason[]] };
