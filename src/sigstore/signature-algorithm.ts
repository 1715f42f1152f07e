import { verify } from 'node:crypto';
import { unreachable } from '../errors.ts';
import type { KeyType, VerificationKey } from './public-key.ts';

/**
 * Verifies a signature over `data`. The key decides the algorithm, never the evidence. ECDSA is taken with SHA-256 or with
 * the hash of the curve's own size, because cosign has used both: SHA-256 for certificates and legacy keys, the curve's in newer code.
 * @returns false for a bad signature, never throws.
 */
export function verifiesWith(key: VerificationKey, data: Buffer, signature: Buffer): boolean {
  return hashesOf(key.type).some((hash) => {
    try {
      return verify(hash, data, key.key, signature);
    } catch {
      return false;
    }
  });
}

/** Hashes to try; null where the algorithm has its own (Ed25519). RSASSA-PSS and Ed25519ph get their cases here. */
function hashesOf(type: KeyType): readonly (string | null)[] {
  switch (type) {
    case 'ecdsa-p256':
      return ['sha256'];
    case 'ecdsa-p384':
      return ['sha384', 'sha256'];
    case 'ecdsa-p521':
      return ['sha512', 'sha256'];
    case 'rsa': // RSASSA-PKCS1-v1_5
      return ['sha256', 'sha384', 'sha512'];
    case 'ed25519':
      return [null];
    default:
      return unreachable(type);
  }
}
