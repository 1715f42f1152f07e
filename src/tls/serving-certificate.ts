import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import { isIP } from 'node:net';
import { OWN_ORGANIZATION, type CertificateSet } from './self-signed.ts';

/** A certificate with its key that were read and belong together. `caPem` is empty where nobody said who vouches for it. */
export interface ServingCertificate extends CertificateSet {
  readonly certificate: X509Certificate;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export type CertificateListener = (certificate: ServingCertificate) => void;

/** Whoever keeps a serving certificate current. */
export interface CertificateSource {
  /** @throws Error before `start()` has brought the first one. */
  current(): ServingCertificate;
  /** Called with each new certificate; returns how to stop that. */
  onChange(listener: CertificateListener): () => void;
}

/** @throws Error when one of them cannot be read, or the key is not the certificate's: a half-written pair. */
export function parseServingCertificate(set: CertificateSet): ServingCertificate {
  const certificate = new X509Certificate(set.certPem);
  if (!certificate.checkPrivateKey(createPrivateKey(set.keyPem))) {
    throw new Error('the private key does not belong to the certificate');
  }
  return {
    ...set,
    certificate,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
}

/** From two thirds of its life on: the last third is for noticing that rotation fails. */
export function isRotationDue({ notBefore, notAfter }: ServingCertificate, now: number): boolean {
  return now >= notBefore + ((notAfter - notBefore) * 2) / 3;
}

/** Made by this program, which may replace it. */
export function isOwn({ certificate }: Pick<ServingCertificate, 'certificate'>): boolean {
  return certificate.issuer.split('\n').includes(`O=${OWN_ORGANIZATION}`);
}

export function coversNames({ certificate }: ServingCertificate, names: readonly string[]): boolean {
  return names.every((name) =>
    isIP(name) === 0
      ? certificate.checkHost(name, { subject: 'never' }) !== undefined
      : certificate.checkIP(name) !== undefined,
  );
}

/** What a TLS server is given. The API server speaks TLS 1.2 and 1.3. */
export function secureContextOptions({ certPem, keyPem }: CertificateSet) {
  return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' } as const;
}

/**
 * Hands each new certificate to a running server: connections that exist go on, new ones get it. `extra` is whatever else the
 * context was made with (a client CA), which the swap would lose. Returns how to stop.
 */
export function followCertificate(
  server: Pick<Server, 'setSecureContext'>,
  source: CertificateSource,
  extra: Parameters<Server['setSecureContext']>[0] = {},
): () => void {
  return source.onChange((certificate) => {
    server.setSecureContext({ ...extra, ...secureContextOptions(certificate) });
  });
}
