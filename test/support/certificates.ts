import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import {
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  makeAuthority,
  makeCertificate,
  nameOf,
  newKeyPair,
  EKU_CLIENT_AUTH,
  EKU_SERVER_AUTH,
  type KeyPair,
} from './fixtures-certificates.ts';
import { implicit, sequence, utf8 } from './fixtures-der.ts';
import { pem } from './fixtures-logs.ts';

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
/** Bits from the left: digitalSignature 0, keyCertSign 5, cRLSign 6 (RFC 5280 §4.2.1.3). */
const KEY_USAGE = { ofAuthority: 0x86, ofLeaf: 0x80 } as const;

/** A certificate authority of this run's own. */
export function createAuthority(commonName: string): CertificateAuthority {
  const authority = makeAuthority({
    name: commonName,
    keys: newKeyPair(),
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + 10 * year),
    constraints: [keyUsage(KEY_USAGE.ofAuthority), basicConstraints(true)],
  });
  return {
    certPem: pem('CERTIFICATE', authority.der),
    keyPem: keyPemOf(authority.keys),
    issue: ({ commonName: name, organizations = [], names, notBefore, notAfter }) => {
      const keys = newKeyPair();
      const der = makeCertificate({
        subject: nameOf(
          ['2.5.4.3', utf8(name)],
          ...organizations.map((each) => ['2.5.4.10', utf8(each)] as const),
        ),
        issuer: authority,
        publicKey: keys.publicKey,
        notBefore: new Date(notBefore ?? Date.now() - hour),
        notAfter: new Date(notAfter ?? Date.now() + 10 * year),
        // Clients know two certificates of one authority apart by it.
        serial: randomInt(1, 2 ** 47),
        extensions: [
          basicConstraints(false),
          keyUsage(KEY_USAGE.ofLeaf),
          extendedKeyUsage(EKU_SERVER_AUTH, EKU_CLIENT_AUTH),
          ...(names === undefined ? [] : [alternativeNames(names)]),
        ],
      });
      return { certPem: pem('CERTIFICATE', der), keyPem: keyPemOf(keys) };
    },
  };
}

/** PKCS#1 PEM, which is what every part here reads. */
export function rsaKey(): string {
  const { privateKey } = newKeyPair('rsa-2048');
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

function keyPemOf({ privateKey }: KeyPair): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** DNS names and IPv4 addresses (RFC 5280 §4.2.1.6). */
function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 4 ? implicit(7, Buffer.from(name.split('.').map(Number))) : implicit(2, Buffer.from(name)),
  );
  return extension('2.5.29.17', sequence(...entries));
}
