import { X509Certificate } from 'node:crypto';
import { unreachable } from '../errors.ts';
import { wholeSeconds } from '../policy/message.ts';
import type { VerificationKey } from '../sigstore/public-key.ts';
import type { KeyAnswer } from './schemas/keys.ts';

export type KeyDescription = KeyAnswer['keys'][number];

/** Who a certificate is for, in one line that nobody reads further than that. */
const MAX_SUBJECT_CHARS = 512;

/** `ECDSA P-256`, `RSA 3072`, `Ed25519`. */
export function algorithmOf({ type, key }: VerificationKey): string {
  switch (type) {
    case 'ecdsa-p256':
      return 'ECDSA P-256';
    case 'ecdsa-p384':
      return 'ECDSA P-384';
    case 'ecdsa-p521':
      return 'ECDSA P-521';
    case 'rsa':
      return `RSA ${key.asymmetricKeyDetails?.modulusLength ?? ''}`.trim();
    case 'ed25519':
      return 'Ed25519';
    default:
      return unreachable(type);
  }
}

/** A public key for people. */
export function describeKey(key: VerificationKey): KeyDescription {
  const { fingerprint, certificate, validity } = key;
  const algorithm = algorithmOf(key);
  if (certificate === undefined || validity === undefined) return { fingerprint, algorithm };
  return {
    fingerprint,
    algorithm,
    certificate: {
      subject: subjectOf(certificate),
      notBefore: wholeSeconds(validity.notBefore),
      notAfter: wholeSeconds(validity.notAfter),
    },
  };
}

function subjectOf(der: Buffer): string {
  // `subject` is undefined, whatever its type says, for a certificate whose subject is empty.
  const { subject } = new X509Certificate(der) as { readonly subject: string | undefined };
  return (subject ?? '').split('\n').join(', ').slice(0, MAX_SUBJECT_CHARS);
}
