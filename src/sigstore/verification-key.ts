import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { Refusal } from '../errors.ts';

/** Kinds of key that signatures are verified with; the algorithm follows from it (`signature-algorithm.ts`). */
export type KeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa' | 'ed25519';

/** A public key that was looked at and found fit for use. */
export interface VerificationKey {
  /** `sha256:<hex>` over `spki`: one for each key, however it was written, and whether or not it came in a certificate. */
  readonly fingerprint: string;
  readonly type: KeyType;
  readonly key: KeyObject;
  /** DER of its SubjectPublicKeyInfo, points uncompressed. */
  readonly spki: Buffer;
  /** DER of the certificate that it was given as: signatures may then carry exactly this one, and are bound by its validity. */
  readonly certificate?: Buffer;
  /** Its dates, milliseconds since the epoch, both inclusive. */
  readonly validity?: { readonly notBefore: number; readonly notAfter: number };
}

const RSA_MIN_BITS = 2048;
/** Verification grows with the square of the size, and is done on the event loop (attack F16). */
const RSA_MAX_BITS = 4096;
/** 65,537 is what everybody has; the cost of a verification grows with its length. */
const RSA_MAX_EXPONENT = 2n ** 32n;

const CURVES: Readonly<Record<string, KeyType>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};

/** Bytes of an uncompressed point, and of the SubjectPublicKeyInfo that holds it (RFC 5480 §2). */
const POINT_BYTES: Readonly<Partial<Record<KeyType, { readonly point: number; readonly spki: number }>>> = {
  'ecdsa-p256': { point: 65, spki: 91 },
  'ecdsa-p384': { point: 97, spki: 120 },
  'ecdsa-p521': { point: 133, spki: 158 },
};

/** @throws Refusal UNSUPPORTED for a key of another kind, curve or size. */
export function verificationKey(key: KeyObject): VerificationKey {
  const type = keyType(key);
  const given = key.export({ type: 'spki', format: 'der' });
  const canonical = isCanonical(type, given) ? key : canonicalKey(key);
  const spki = canonical === key ? given : canonical.export({ type: 'spki', format: 'der' });
  return {
    fingerprint: `sha256:${createHash('sha256').update(spki).digest('hex')}`,
    type,
    key: canonical,
    spki,
  };
}

/**
 * OpenSSL writes a point back in the form that it was read in (compressed, uncompressed, hybrid), so that one key would have
 * several fingerprints and meet a threshold of two alone. A JWK holds the bare numbers.
 */
function canonicalKey(key: KeyObject): KeyObject {
  return createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
}

/** True for an uncompressed point on a named curve: then the round trip through JWK, which costs more than reading the key, changes nothing. */
function isCanonical(type: KeyType, spki: Buffer): boolean {
  const points = POINT_BYTES[type];
  return points !== undefined && spki.length === points.spki && spki[points.spki - points.point] === 0x04;
}

function keyType(key: KeyObject): KeyType {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const curve = CURVES[details?.namedCurve ?? ''];
      if (curve === undefined)
        throw new Refusal('UNSUPPORTED', 'the key is on a curve other than P-256, P-384 and P-521');
      return curve;
    }
    case 'rsa':
      checkRsa(details?.modulusLength ?? 0, details?.publicExponent ?? 0n);
      return 'rsa';
    case 'ed25519':
      return 'ed25519';
    default:
      throw new Refusal('UNSUPPORTED', 'the key is not ECDSA, RSA or Ed25519');
  }
}

function checkRsa(bits: number, exponent: bigint): void {
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) {
    throw new Refusal(
      'UNSUPPORTED',
      `the RSA key has ${bits} bits, ${RSA_MIN_BITS} to ${RSA_MAX_BITS} are accepted`,
    );
  }
  // With the exponent 1 every signature verifies that says what it should; an even one has no private key.
  if (exponent < 3n || exponent % 2n === 0n || exponent > RSA_MAX_EXPONENT) {
    throw new Refusal('UNSUPPORTED', 'the RSA key has a public exponent that nobody uses');
  }
}
