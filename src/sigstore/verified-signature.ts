import type { RefusalCode } from '../errors.ts';

/**
 * A cryptographic fact: who signed which digests, and each proof of when; independent of any policy and of now.
 * It was made from one piece of evidence and one trust context (a trust root, or a key with the root of its logs).
 */
export interface VerifiedSignature {
  /** Where the evidence was found, for people. */
  readonly source: string;
  /** Which of an envelope's signatures it is, from 1; absent where there is one. */
  readonly signatureNumber?: number;
  readonly content: SignedContent;
  /** Digests that the signed bytes name, `sha256:<64 hex>`; is the image's among them? is for the policy to ask. */
  readonly digests: readonly string[];
  readonly signer: CertificateIdentity | KeyIdentity;
  readonly log: Proofs<LogProof>;
  readonly timestamps: Proofs<TimestampProof>;
}

/** What kind of thing was signed: a signature says "this is my image", an attestation says anything else (design §1). */
export type SignedContent =
  | { readonly kind: 'signature'; readonly form: 'simple-signing' | 'message-signature' | 'statement' }
  | { readonly kind: 'attestation'; readonly predicateType: string };

/** An identity that a certificate authority of the trust root vouches for. Strings are compared whole and byte for byte. */
export interface CertificateIdentity {
  readonly kind: 'certificate';
  /** Fingerprint of the trust root that it was verified with. */
  readonly trustRoot: string;
  /**
   * OIDC issuer (extension 1.3.6.1.4.1.57264.1.8, else .1.1). A certificate without one, as corporate authorities issue them, has the
   * distinguished name of the authority that signed it: `CN=Corp Code Signing,O=Corp` (RFC 4514).
   */
  readonly issuer: string;
  /** Every subject alternative name of a type that an identity can have. */
  readonly names: readonly SubjectName[];
  /** Fulcio's extensions 1.3.6.1.4.1.57264.1.9–.24 by the names of `fulcio-extensions.ts`; of GitHub's also the older .2–.6. */
  readonly extensions: Readonly<Record<string, string>>;
}

export interface SubjectName {
  /** `username`: Fulcio's `alice!example.com`, in an otherName. */
  readonly type: 'uri' | 'email' | 'username';
  readonly value: string;
}

/** A public key that the policy itself names. */
export interface KeyIdentity {
  readonly kind: 'key';
  /** `sha256:<hex>` over the DER of its SubjectPublicKeyInfo. */
  readonly fingerprint: string;
}

/** All proofs of one kind. `invalid` means: something was there and did not verify; one bad proof spoils all (a policy may ignore them for keys). */
export type Proofs<T> =
  | { readonly state: 'absent' }
  | { readonly state: 'valid'; readonly proofs: readonly T[] }
  | { readonly state: 'invalid'; readonly code: RefusalCode; readonly detail: string };

/** One entry of one transparency log. */
export interface LogProof {
  /** Hex of the log's id: thresholds count distinct logs. */
  readonly logId: string;
  readonly logIndex: string;
  /** Present only where the log signed it (Rekor v1's signed entry timestamp). Milliseconds since the epoch. */
  readonly integratedAt: number | undefined;
}

/** One RFC 3161 timestamp. */
export interface TimestampProof {
  /** Fingerprint of the authority's certificate: thresholds count distinct authorities. */
  readonly authority: string;
  /** Milliseconds since the epoch. */
  readonly signedAt: number;
}

/** Evidence that does not verify: also a fact. */
export interface RefusedEvidence {
  readonly source: string;
  readonly code: RefusalCode;
  /** One sentence, escaped and bounded by whoever shows it. */
  readonly detail: string;
  /** What it says it is, not verified: for the wording only. */
  readonly claims?: 'attestation' | 'signature';
  /** The predicate type that it says it has, not verified and never shown: for the order of reasons only. */
  readonly claimedType?: string;
  /** It cannot be read, whatever it is verified with. */
  readonly isUnread?: true;
  /** Not one piece, but a bound on all of them: there is more than was looked at. */
  readonly isBound?: true;
}

/** Every trusted time of a signature: from timestamp authorities and from logs that sign theirs. Milliseconds, ascending. */
export function trustedTimes(signature: Pick<VerifiedSignature, 'log' | 'timestamps'>): readonly number[] {
  const times: number[] = [];
  if (signature.timestamps.state === 'valid') {
    for (const proof of signature.timestamps.proofs) times.push(proof.signedAt);
  }
  if (signature.log.state === 'valid') {
    for (const proof of signature.log.proofs) {
      if (proof.integratedAt !== undefined) times.push(proof.integratedAt);
    }
  }
  return times.sort((a, b) => a - b);
}
