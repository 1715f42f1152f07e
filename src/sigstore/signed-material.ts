import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { Refusal } from '../errors.ts';

/** What evidence holds after its shape was checked, whatever form it came in. Nothing in it is verified. */
export interface SignedMaterial {
  readonly payload: SignedPayload;
  /** One, or those of an envelope in its order: each is tried, and one that verifies is enough. */
  readonly signatures: readonly Buffer[];
  readonly signer:
    | {
        readonly kind: 'certificate';
        readonly der: Buffer;
        /** Certificates that came with it, in any order: nobody has vouched for them either (attack A21). */
        readonly chain: readonly Buffer[];
      }
    | { readonly kind: 'key' };
  readonly logEntries: ProofMaterial<TransparencyLogEntry>;
  /** DER of RFC 3161 responses. */
  readonly timestamps: ProofMaterial<Buffer>;
}

/** A proof that cannot even be read is kept as such: whether it matters is for the signer's kind, and for the policy, to say. */
export type ProofMaterial<T> =
  | { readonly kind: 'read'; readonly items: readonly T[] }
  | { readonly kind: 'unreadable'; readonly refusal: Refusal };

export type SignedPayload =
  /** An in-toto statement in a DSSE envelope: the signature is over its pre-authentication encoding. */
  | {
      readonly kind: 'dsse';
      readonly payload: Buffer;
      /** Its bytes, where it was found as a document of its own. */
      readonly envelope: Buffer | undefined;
      /** The `keyid` of the one signature of a bundle: it is part of what was logged, and chooses no key. */
      readonly keyId: string;
    }
  | { readonly kind: 'simple-signing'; readonly payload: Buffer }
  /** The signature is over the image's manifest, which is not part of the evidence. */
  | { readonly kind: 'message'; readonly hash: HashName; readonly digest: Buffer };

export type HashName = 'sha256' | 'sha384' | 'sha512';
