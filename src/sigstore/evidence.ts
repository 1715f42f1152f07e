/**
 * Evidence: what was found for a digest, not verified yet. The registry edge collects it; nothing in it is believed
 * before `verify.ts` has read it. Every byte array here was already hashed against the digest that it was asked by.
 */
export type Evidence = BundleEvidence | SimpleSigningEvidence | EnvelopeEvidence;

/** What a look for evidence finds. */
export type FoundEvidence = Evidence | LargeEvidence;

/**
 * A bundle or envelope above `LIMITS.evidenceHereBytes`. Only its digest is kept: its bytes are fetched when something has to be
 * learned of them, and another thread reads them.
 */
export interface LargeEvidence {
  readonly kind: 'large';
  readonly form: 'bundle' | 'dsse-envelope';
  /** Where it was found, for people. */
  readonly source: string;
  /** Of its bytes, `sha256:<hex>` or another that a registry may use. */
  readonly digest: string;
  readonly size: number;
  /** Of a layer that holds an envelope; empty for a bundle. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** One Sigstore bundle, as JSON. */
export interface BundleEvidence {
  readonly kind: 'bundle';
  /** Where it was found, for people: `referrer sha256:…`. */
  readonly source: string;
  readonly bytes: Uint8Array;
}

/** One layer of cosign 1–2's `sha256-<hex>.sig`: the payload, and everything else in annotations. */
export interface SimpleSigningEvidence {
  readonly kind: 'simple-signing';
  /** Where it was found, for people: `tag sha256-….sig, layer 0`. */
  readonly source: string;
  readonly payload: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * One layer of cosign 1–2's `sha256-<hex>.att`, or of a referrer with such layers: a DSSE envelope as JSON, which holds the
 * signature, and its certificate and proofs in annotations.
 */
export interface EnvelopeEvidence {
  readonly kind: 'dsse-envelope';
  /** Where it was found, for people: `tag sha256-….att, layer 0`. */
  readonly source: string;
  readonly envelope: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The evidence with its bytes. */
export function heldEvidence({ form, source, annotations }: LargeEvidence, bytes: Uint8Array): Evidence {
  return form === 'bundle'
    ? { kind: 'bundle', source, bytes }
    : { kind: 'dsse-envelope', source, envelope: bytes, annotations };
}
