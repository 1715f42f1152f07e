import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';

export interface KeyPairPem {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface LeafOptions {
  readonly commonName: string;
  /** Kubernetes reads a client's groups from here. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses. */
  readonly names?: readonly string[];
  /** Milliseconds since the epoch; an hour ago and ten years ahead otherwise. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export interface CertificateAuthority extends KeyPairPem {
  /** A certificate for both a server and a client. */
  issue(options: LeafOptions): KeyPairPem;
}

const hour = 3_600_000;
const year = 365 * 24 * hour;

/** A certificate authority of this run's own. */
export function createAuthority(commonName: string): CertificateAuthority {
  const keyPem = rsaKey();
  const name = [{ name: 'commonName', value: commonName }];
  const certificate = draft(keyPem, name, name, Date.now() - hour, Date.now() + 10 * year);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  const key = forge.pki.privateKeyFromPem(keyPem);
  certificate.sign(key, forge.md.sha256.create());

  const issue = (options: LeafOptions): KeyPairPem => {
    const leafKeyPem = rsaKey();
    const subject = [
      { name: 'commonName', value: options.commonName },
      ...(options.organizations ?? []).map((value) => ({ name: 'organizationName', value })),
    ];
    const { notBefore = Date.now() - hour, notAfter = Date.now() + 10 * year } = options;
    const leaf = draft(leafKeyPem, subject, name, notBefore, notAfter);
    leaf.setExtensions([
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      ...(options.names === undefined
        ? []
        : [{ name: 'subjectAltName', altNames: options.names.map(altName) }]),
    ]);
    leaf.sign(key, forge.md.sha256.create());
    return { certPem: forge.pki.certificateToPem(leaf), keyPem: leafKeyPem };
  };
  return { certPem: forge.pki.certificateToPem(certificate), keyPem, issue };
}

/** PKCS#1 PEM, which is what every part here reads. */
export function rsaKey(): string {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return pair.privateKey;
}

function draft(
  keyPem: string,
  subject: forge.pki.CertificateField[],
  issuer: forge.pki.CertificateField[],
  notBefore: number,
  notAfter: number,
): forge.pki.Certificate {
  const key = forge.pki.privateKeyFromPem(keyPem);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  // A leading 00-7f byte keeps the serial number positive.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(notBefore);
  certificate.validity.notAfter = new Date(notAfter);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  return certificate;
}

function altName(name: string): { type: number; ip?: string; value?: string } {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}
