import { createHash, type KeyObject } from 'node:crypto';
import { crypto as sigstoreCrypto, dsse } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import { Fault, Refusal, unreachable } from '../errors.ts';
import { envelopeSpellings, IN_TOTO_PAYLOAD_TYPE } from './dsse-envelope.ts';
import type { VerificationKey } from './verification-key.ts';
import { verifiesWith } from './signature-algorithm.ts';
import type { HashName, SignedMaterial, SignedPayload } from './signed-material.ts';

/** The image that a signature over the manifest itself is asked about. */
export interface Artifact {
  /** `sha256:<64 hex>` */
  readonly digest: string;
  readonly manifest: Uint8Array;
}

const HASH_OF_LENGTH: Readonly<Record<number, HashName>> = { 32: 'sha256', 48: 'sha384', 64: 'sha512' };

/** A DSSE envelope, as far as proofs are about it and not about what it holds. */
export interface Envelope {
  /** Where it was found as a document of its own. */
  readonly bytes: Buffer | undefined;
  /** Every form in which it may have been uploaded to a log. */
  readonly spellings: () => Iterable<Buffer>;
}

/**
 * The signed bytes, the signature over them and the one key that it is asked about, as `@sigstore/verify` wants them. Ours
 * rather than the library's, because that one verifies SHA-256 only, and asks again for every proof.
 */
export class SignatureContent {
  readonly signature: Buffer;
  readonly #signed: Buffer;
  /** What logs call the payload: differs from the signed bytes for DSSE only. */
  readonly #payload: Buffer;
  readonly #key: VerificationKey;
  readonly #envelope: Envelope | undefined;
  #verifies: boolean | undefined;

  constructor(signed: Buffer, payload: Buffer, signature: Buffer, key: VerificationKey, envelope?: Envelope) {
    this.signature = signature;
    this.#signed = signed;
    this.#payload = payload;
    this.#key = key;
    this.#envelope = envelope;
  }

  /** True when the key's owner signed; computed once. */
  get verifies(): boolean {
    this.#verifies ??= verifiesWith(this.#key, this.#signed, this.signature);
    return this.#verifies;
  }

  /**
   * What a timestamp may have been made over: the signature, or the envelope that holds it, which cosign 1–2 took for attestations
   * (cosign, pkg/cosign/verify.go, VerifyRFC3161Timestamp).
   */
  get stampedTexts(): readonly Buffer[] {
    const envelope = this.#envelope?.bytes;
    return envelope === undefined ? [this.signature] : [envelope, this.signature];
  }

  /** This one for a timestamp over `text`: the library takes what it calls the signature for the text. */
  stampedOver(text: Buffer): SignedEntity['signature'] {
    return {
      signature: text,
      verifySignature: (key) => this.verifySignature(key),
      compareSignature: (signature) => this.compareSignature(signature),
      compareDigest: (digest) => this.compareDigest(digest),
      compareSignedDigest: (digest) => this.compareSignedDigest(digest),
    };
  }

  verifySignature(key: KeyObject): boolean {
    // The library hands back the key that it took from the same certificate; an answer about any other key is no.
    return key.equals(this.#key.key) && this.verifies;
  }

  compareSignature(signature: Buffer): boolean {
    return sigstoreCrypto.bufferEqual(signature, this.signature);
  }

  compareDigest(digest: Buffer): boolean {
    return isDigestOf(this.#payload, digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    return isDigestOf(this.#signed, digest);
  }

  /** True for the digest of the envelope, payload and signature in one; false where there is none. */
  compareEnvelopeDigest(digest: Buffer): boolean {
    for (const spelling of this.#envelope?.spellings() ?? []) {
      if (isDigestOf(spelling, digest)) return true;
    }
    return false;
  }
}

/** Compile-time proof that the library takes it. */
export type _SignatureContentFits = SignatureContent extends SignedEntity['signature'] ? true : never;

/**
 * @param signature one of `signatures`
 * @param artifact needed only where the signature is over the manifest itself
 * @throws Refusal DIGEST_MISMATCH when the manifest is another one; Fault INTERNAL when the artifact is missing.
 */
export function signatureContent(
  { payload }: SignedMaterial,
  signature: Buffer,
  key: VerificationKey,
  artifact: Artifact | undefined,
): SignatureContent {
  switch (payload.kind) {
    case 'dsse': {
      const signed = dsse.preAuthEncoding(IN_TOTO_PAYLOAD_TYPE, payload.payload);
      const spellings = () => envelopeSpellings(payload, signature);
      return new SignatureContent(signed, payload.payload, signature, key, {
        bytes: payload.envelope,
        spellings,
      });
    }
    case 'simple-signing':
      return new SignatureContent(payload.payload, payload.payload, signature, key);
    case 'message': {
      const manifest = manifestOf(payload, artifact);
      return new SignatureContent(manifest, manifest, signature, key);
    }
    default:
      return unreachable(payload);
  }
}

function manifestOf(
  { hash, digest }: SignedPayload & { kind: 'message' },
  artifact: Artifact | undefined,
): Buffer {
  if (artifact === undefined)
    throw new Fault('INTERNAL', 'a message signature was verified without the manifest');
  const { buffer, byteOffset, byteLength } = artifact.manifest;
  const manifest = Buffer.from(buffer, byteOffset, byteLength);
  if (artifact.digest !== `sha256:${createHash('sha256').update(manifest).digest('hex')}`) {
    throw new Refusal('DIGEST_MISMATCH', 'the manifest does not have the digest that was asked for');
  }
  // The library compares this one with a log entry at most.
  if (!createHash(hash).update(manifest).digest().equals(digest)) {
    throw new Refusal('DIGEST_MISMATCH', 'the message digest of the bundle is not that of the manifest');
  }
  return manifest;
}

/** Logs keep SHA-256 mostly, SHA-384 or SHA-512 for keys that sign with those: the length tells them apart. */
function isDigestOf(data: Buffer, digest: Buffer): boolean {
  const hash = HASH_OF_LENGTH[digest.length];
  return hash !== undefined && createHash(hash).update(data).digest().equals(digest);
}
