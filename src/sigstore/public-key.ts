import { createPublicKey } from 'node:crypto';
import { Refusal } from '../errors.ts';
import { parseLeafCertificate } from './certificate.ts';
import { pemBody, pemLabels } from './pem.ts';
import { verificationKey, type VerificationKey } from './verification-key.ts';

export { verificationKey } from './verification-key.ts';
export type { KeyType, VerificationKey } from './verification-key.ts';

/** A PEM of an RSA key with 4096 bits has 800 characters, a certificate some 3,000; nobody needs more than this. */
const MAX_PEM_CHARS = 16 * 1024;

type Label = 'PUBLIC KEY' | 'RSA PUBLIC KEY' | 'CERTIFICATE';

/**
 * Reads exactly one PEM block `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`, with nothing but white space around it. A certificate
 * is bound by the rules for signers' certificates, except that it needs no name and no issuer: whoever trusts it names it whole.
 * The text is never repeated in a message: it may be a private key (attack C17).
 * @throws Refusal MALFORMED, UNSUPPORTED or LIMIT; CERT_INVALID for a certificate that must not sign.
 */
export function parsePublicKey(pem: string): VerificationKey {
  if (pem.length > MAX_PEM_CHARS) {
    throw new Refusal('LIMIT', `the public key is longer than ${MAX_PEM_CHARS} characters`);
  }
  const label = onlyLabel(pem);
  const der = pemBody(pem, label, 'the public key');
  if (label === 'CERTIFICATE') {
    const { key, notBefore, notAfter } = parseLeafCertificate(der);
    return { ...key, certificate: der, validity: { notBefore, notAfter } };
  }
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

function onlyLabel(pem: string): Label {
  const labels = pemLabels(pem);
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
  if (label !== 'PUBLIC KEY' && label !== 'RSA PUBLIC KEY' && label !== 'CERTIFICATE') {
    throw new Refusal('UNSUPPORTED', 'the PEM block is not a PUBLIC KEY or a CERTIFICATE');
  }
  return label;
}
