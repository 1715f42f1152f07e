import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import * as der from './der.ts';

/** A serving certificate with the authority that vouches for it; PEM texts. */
export interface CertificateSet {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface SelfSignedOptions {
  /** DNS names and IP addresses that the server is reached by; the first one is also its common name. */
  readonly names: readonly [string, ...string[]];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** In every issuer made here: what is not ours is never replaced. */
export const OWN_ORGANIZATION = 'Countersign self-made';

const oid = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

type Node = ReturnType<typeof der.sequence>;

/**
 * A new EC P-256 authority and one serving certificate by it. The authority's key is forgotten at once: it can vouch for
 * nothing else, so whoever trusts its certificate trusts this one server.
 * @throws TypeError for a name that is neither a DNS name nor an IP address.
 */
export function createSelfSigned({ names, notBefore, notAfter }: SelfSignedOptions): CertificateSet {
  const altNames = names.map(altName);
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Two authorities stand side by side while one replaces the other: their names differ.
  const issuer = name(`Countersign ${randomBytes(4).toString('hex')}`);
  const validity = der.sequence(der.time(notBefore), der.time(notAfter));
  const authorityId = keyId(authority.publicKey);

  const caPem = certificate(authority.privateKey, {
    issuer,
    subject: issuer,
    validity,
    publicKey: authority.publicKey,
    extensions: [
      // May issue, but no further authorities.
      extension(oid.basicConstraints, true, der.sequence(der.boolean(true), der.integer(Buffer.of(0)))),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension(oid.keyUsage, true, der.bits(Buffer.of(0b0000_0110), 1)),
      extension(oid.subjectKeyIdentifier, false, der.octets(authorityId)),
    ],
  });
  const certPem = certificate(authority.privateKey, {
    issuer,
    // X.520 bounds a common name at 64 characters; verifiers read the alternative names only.
    subject: name(names[0].slice(0, 64)),
    validity,
    publicKey: leaf.publicKey,
    extensions: [
      extension(oid.basicConstraints, true, der.sequence()),
      // digitalSignature: bit 0.
      extension(oid.keyUsage, true, der.bits(Buffer.of(0b1000_0000), 7)),
      extension(oid.extKeyUsage, false, der.sequence(der.objectId(oid.serverAuth))),
      extension(oid.subjectAltName, false, der.sequence(...altNames)),
      extension(oid.subjectKeyIdentifier, false, der.octets(keyId(leaf.publicKey))),
      extension(oid.authorityKeyIdentifier, false, der.sequence(der.taggedBytes(0, authorityId))),
    ],
  });
  const keyPem = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { caPem, certPem, keyPem };
}

interface Draft {
  readonly issuer: Node;
  readonly subject: Node;
  readonly validity: Node;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Node[];
}

/** RFC 5280 §4.1. */
function certificate(signer: KeyObject, draft: Draft): string {
  const algorithm = der.sequence(der.objectId(oid.ecdsaWithSha256));
  const toBeSigned = der.sequence(
    der.tagged(0, der.integer(Buffer.of(2))),
    der.integer(serialNumber()),
    algorithm,
    draft.issuer,
    draft.validity,
    draft.subject,
    der.decode(spki(draft.publicKey)),
    der.tagged(3, der.sequence(...draft.extensions)),
  );
  const signature = sign('sha256', der.encode(toBeSigned), signer);
  const bytes = der.encode(der.sequence(toBeSigned, algorithm, der.bits(signature)));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** 127 random bits, positive and of a fixed length. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function name(commonName: string): Node {
  return der.sequence(namePart(oid.organization, OWN_ORGANIZATION), namePart(oid.commonName, commonName));
}

function namePart(type: string, value: string): Node {
  return der.set(der.sequence(der.objectId(type), der.utf8(value)));
}

function extension(type: string, critical: boolean, value: Node): Node {
  return der.sequence(
    der.objectId(type),
    ...(critical ? [der.boolean(true)] : []),
    der.octets(der.encode(value)),
  );
}

/** dNSName is [2], iPAddress is [7]. */
/** Whether a certificate can be made out for it: a DNS name, also with `*.`, or an IP address. */
export function isCertificateName(text: string): boolean {
  const isName = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text);
  return isIP(text) !== 0 || (isName && text.length <= 253);
}

function altName(value: string): Node {
  if (!isCertificateName(value))
    throw new TypeError(`"${value.slice(0, 100)}" is neither a DNS name nor an IP address`);
  if (isIP(value) !== 0) return der.taggedBytes(7, addressBytes(value));
  return der.taggedBytes(2, Buffer.from(value, 'ascii'));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes every IPv6 address in one form, with at most one "::".
  const [head = '', tail] = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1).split('::');
  const left = hexGroups(head);
  const right = hexGroups(tail ?? '');
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = Buffer.alloc(16);
  all.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}

function hexGroups(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** RFC 5280 §4.2.1.2 method 1 asks for SHA-1 over the key's bits; any unique value serves, so no SHA-1 here. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256').update(spki(key)).digest().subarray(0, 20);
}
