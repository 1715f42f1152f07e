import { constants, verify, type KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { unreachable } from '../errors.ts';
import type { HashName } from './signed-material.ts';
import type { KeyType, VerificationKey } from './verification-key.ts';

/** One way to verify with a key. `ed25519ph` is Ed25519 over SHA-512 with a context of its own (RFC 8032 §5.1). */
type Algorithm =
  | { readonly kind: 'ecdsa' | 'rsa-pkcs1' | 'rsa-pss'; readonly hash: HashName }
  | { readonly kind: 'ed25519' | 'ed25519ph' };

/** Bytes of SubjectPublicKeyInfo before the 32 of an Ed25519 key (RFC 8410 §4). */
const ED25519_SPKI_PREFIX = 12;

/**
 * Verifies a signature over `data`. The key decides the algorithms, never the evidence. More than one is tried, and still no
 * signature has two meanings: padding and hash are part of what RSA signs and Ed25519ph has a prefix of its own, and for ECDSA another
 * document would need the digest of the first under another hash. SHA-1 is none of them.
 * @returns false for a bad signature, never throws.
 */
export function verifiesWith(key: VerificationKey, data: Buffer, signature: Buffer): boolean {
  return ALGORITHMS[key.type].some((algorithm) => {
    try {
      return verifies(algorithm, key, data, signature);
    } catch {
      return false;
    }
  });
}

const RSA_HASHES = ['sha256', 'sha384', 'sha512'] as const;

/**
 * The likeliest first. ECDSA is taken with SHA-256 or with the hash of the curve's own size, because cosign has used both: SHA-256 for
 * certificates and legacy keys, the curve's in newer code. cosign makes PKCS #1 v1.5 and Ed25519ph, key services PSS as well.
 */
const ALGORITHMS: Readonly<Record<KeyType, readonly Algorithm[]>> = {
  'ecdsa-p256': [{ kind: 'ecdsa', hash: 'sha256' }],
  'ecdsa-p384': [
    { kind: 'ecdsa', hash: 'sha384' },
    { kind: 'ecdsa', hash: 'sha256' },
  ],
  'ecdsa-p521': [
    { kind: 'ecdsa', hash: 'sha512' },
    { kind: 'ecdsa', hash: 'sha256' },
  ],
  rsa: [
    ...RSA_HASHES.map((hash) => ({ kind: 'rsa-pkcs1', hash }) as const),
    ...RSA_HASHES.map((hash) => ({ kind: 'rsa-pss', hash }) as const),
  ],
  ed25519: [{ kind: 'ed25519' }, { kind: 'ed25519ph' }],
};

function verifies(
  algorithm: Algorithm,
  { key, spki }: VerificationKey,
  data: Buffer,
  signature: Buffer,
): boolean {
  switch (algorithm.kind) {
    case 'ecdsa':
      return verify(algorithm.hash, data, key, signature);
    case 'rsa-pkcs1':
      return verify(algorithm.hash, data, withPadding(key, constants.RSA_PKCS1_PADDING), signature);
    case 'rsa-pss':
      // With the same hash for the mask and a salt of any length: key services take the hash's, Go the longest.
      return verify(algorithm.hash, data, withPadding(key, constants.RSA_PKCS1_PSS_PADDING), signature);
    case 'ed25519':
      return verify(null, data, key, signature);
    case 'ed25519ph':
      // Node has no Ed25519ph. The rules of RFC 8032, not the laxer ones of ZIP 215.
      return ed25519ph.verify(signature, data, spki.subarray(ED25519_SPKI_PREFIX), { zip215: false });
    default:
      return unreachable(algorithm);
  }
}

function withPadding(
  key: KeyObject,
  padding: number,
): { key: KeyObject; padding: number; saltLength?: number } {
  return { key, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
}
