import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { Refusal } from '../errors.ts';
import { decodeBase64 } from './base64.ts';

/** Kinds of key that signatures are verified with; the algorithm follows from it (`signature-algorithm.ts`). */
export type KeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa' | 'ed25519';

/** A public key that was looked at and found fit for use. */
export interface VerificationKey {
  /** `sha256:<hex>` over `spki`: one for each key, however it was written. */
  readonly fingerprint: string;
  readonly type: KeyType;
  readonly key: KeyObject;
  /** DER of its SubjectPublicKeyInfo, points uncompressed. */
  readonly spki: Buffer;
}

/** A PEM of an RSA key with 4096 bits has 800 characters; nobody needs more than this. */
const MAX_PEM_CHARS = 16 * 1024;
const RSA_MIN_BITS = 2048;
/** Verification grows with the square of the size, and is done on the event loop (attack F16). */
const RSA_MAX_BITS = 4096;

const CURVES: Readonly<Record<string, KeyType>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};

const PEM_LABEL = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;

/**
 * Reads exactly one PEM block `PUBLIC KEY` or `RSA PUBLIC KEY`, with nothing but white space around it.
 * X.509 certificates as keys come later. The text is never repeated in a message: it may be a private key (attack C17).
 * @throws Refusal MALFORMED, UNSUPPORTED or LIMIT.
 */
export function parsePublicKey(pem: string): VerificationKey {
  if (pem.length > MAX_PEM_CHARS) {
    throw new Refusal('LIMIT', `the public key is longer than ${MAX_PEM_CHARS} characters`);
  }
  const label = onlyLabel(pem);
  const der = pemBody(pem, label, 'the public key');
  try {
    return verificationKey(
      createPublicKey({ key: der, format: 'der', type: label === 'PUBLIC KEY' ? 'spki' : 'pkcs1' }),
    );
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    // Without the cause: OpenSSL's errors may quote what they read.
    throw new Refusal('MALFORMED', `the PEM block ${label} does not hold a public key`);
  }
}

/** @throws Refusal UNSUPPORTED for a key of another kind, curve or size. */
export function verificationKey(key: KeyObject): VerificationKey {
  const type = keyType(key);
  const canonical = canonicalKey(key);
  const spki = canonical.export({ type: 'spki', format: 'der' });
  return {
    fingerprint: `sha256:${createHash('sha256').update(spki).digest('hex')}`,
    type,
    key: canonical,
    spki,
  };
}

/**
 * The bytes of the one PEM block that `pem` is, of the label given (RFC 7468).
 * @throws Refusal MALFORMED; `what` names it.
 */
export function pemBody(pem: string, label: string, what: string): Buffer {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const text = pem.trim();
  if (!text.startsWith(begin) || !text.endsWith(end) || text.length < begin.length + end.length) {
    throw new Refusal('MALFORMED', `${what} is not one PEM block ${label}`);
  }
  const body = text.slice(begin.length, -end.length).replace(/[\r\n\t ]+/g, '');
  return decodeBase64(body, what, pem.length);
}

function onlyLabel(pem: string): 'PUBLIC KEY' | 'RSA PUBLIC KEY' {
  const labels = Array.from(pem.matchAll(PEM_LABEL), (match) => match[1] ?? '');
  if (labels.some((label) => label.endsWith('PRIVATE KEY'))) {
    throw new Refusal(
      'UNSUPPORTED',
      'a private key was given: give the public key, and treat the private one as leaked',
    );
  }
  const [label, ...others] = labels;
  if (label === undefined) {
    throw new Refusal('MALFORMED', 'the public key is not PEM: no line "-----BEGIN PUBLIC KEY-----"');
  }
  if (others.length > 0) {
    throw new Refusal('MALFORMED', `the public key has ${labels.length} PEM blocks, exactly one is expected`);
  }
  if (label !== 'PUBLIC KEY' && label !== 'RSA PUBLIC KEY') {
    throw new Refusal(
      'UNSUPPORTED',
      label === 'CERTIFICATE'
        ? 'a certificate was given where a public key is expected; certificates as keys are not supported yet'
        : 'the PEM block is not a PUBLIC KEY',
    );
  }
  return label;
}

/**
 * OpenSSL writes a point back in the form that it was read in (compressed, uncompressed, hybrid), so that one key would have
 * several fingerprints and meet a threshold of two alone. A JWK holds the bare numbers.
 */
function canonicalKey(key: KeyObject): KeyObject {
  return createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
}

function keyType(key: KeyObject): KeyType {
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
      if (curve === undefined)
        throw new Refusal('UNSUPPORTED', 'the key is on a curve other than P-256, P-384 and P-521');
      return curve;
    }
    case 'rsa': {
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) {
        throw new Refusal(
          'UNSUPPORTED',
          `the RSA key has ${bits} bits, ${RSA_MIN_BITS} to ${RSA_MAX_BITS} are accepted`,
        );
      }
      return 'rsa';
    }
    case 'ed25519':
      return 'ed25519';
    default:
      throw new Refusal('UNSUPPORTED', 'the key is not ECDSA, RSA or Ed25519');
  }
}
