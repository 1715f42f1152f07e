import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { FULCIO_EXTENSIONS, type FulcioExtensionName } from '../../src/sigstore/fulcio-extensions.ts';
import {
  bits,
  boolean,
  explicit,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  set,
  time,
  utf8,
} from './fixtures-der.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'ed25519' | 'rsa-2048' | 'rsa-4096';

export function newKeyPair(kind: KeyKind = 'P-256'): KeyPair {
  switch (kind) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa-4096':
      return generateKeyPairSync('rsa', { modulusLength: 4096 });
    default:
      return generateKeyPairSync('ec', { namedCurve: kind });
  }
}

export function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

export function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

/** An authority that signs certificates. */
export interface Authority {
  readonly name: Buffer;
  readonly keys: KeyPair;
  readonly der: Buffer;
}

export interface CertificateSpec {
  readonly subject: Buffer;
  readonly issuer: Pick<Authority, 'name' | 'keys'>;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Buffer[];
  readonly serial?: number;
}

export const EKU_CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const EKU_TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
export const EKU_SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const EKU_CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const OID_SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';

/** A Name with one common name; empty for `''`, as Fulcio's leaves have it. */
export function distinguishedName(commonName: string): Buffer {
  if (commonName === '') return sequence();
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

/** A Name with one attribute in each part, in the order of its DER, which is the reverse of how it is read. */
export function nameOf(...attributes: readonly (readonly [type: string, value: Buffer])[]): Buffer {
  return sequence(...attributes.map(([type, value]) => set(sequence(oid(type), value))));
}

export function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

/** Bit 0 is digitalSignature, bit 5 keyCertSign. */
export const keyUsage = (firstByte: number): Buffer =>
  extension('2.5.29.15', bits(Buffer.of(firstByte)), true);
export const basicConstraints = (ca: boolean, pathLength?: number): Buffer =>
  extension(
    '2.5.29.19',
    sequence(...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])),
    true,
  );
export const extendedKeyUsage = (...purposes: readonly string[]): Buffer =>
  extension('2.5.29.37', sequence(...purposes.map(oid)));
export const subjectAltName = (...names: readonly Buffer[]): Buffer =>
  extension('2.5.29.17', sequence(...names), true);
export const uriName = (uri: string | Buffer): Buffer => implicit(6, Buffer.from(uri));
export const emailName = (email: string | Buffer): Buffer => implicit(1, Buffer.from(email));
export const subjectKeyId = (key: KeyObject): Buffer =>
  extension('2.5.29.14', octets(sha256(spki(key)).subarray(0, 20)));
export const authorityKeyId = (key: KeyObject): Buffer =>
  extension('2.5.29.35', sequence(implicit(0, sha256(spki(key)).subarray(0, 20))));
export const fulcioExtension = (name: FulcioExtensionName, value: string): Buffer =>
  extension(FULCIO_EXTENSIONS[name], utf8(value));

export function makeCertificate(spec: CertificateSpec): Buffer {
  const tbs = makeTbs(spec);
  const { signer, algorithm } = signerOf(spec.issuer.keys);
  return sequence(tbs, algorithm, bits(signer(tbs)));
}

/** Adds an SCT list with one timestamp per log (RFC 6962 §3.2, §3.3). */
export function withScts(spec: CertificateSpec, logs: readonly KeyPair[], at: Date): CertificateSpec {
  const tbs = makeTbs(spec);
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigUInt64BE(BigInt(at.getTime()));
  const entry = Buffer.concat([sha256(spki(spec.issuer.keys.publicKey)), uint(tbs.length, 3), tbs]);
  const scts = logs.map(({ publicKey, privateKey }) => {
    const signed = Buffer.concat([Buffer.of(0, 0), timestamp, Buffer.of(0, 1), entry, Buffer.of(0, 0)]);
    const signature = sign('sha256', signed, privateKey);
    // version, log ID, time, no extensions, SHA-256, ECDSA
    return Buffer.concat([
      Buffer.of(0),
      sha256(spki(publicKey)),
      timestamp,
      Buffer.of(0, 0, 4, 3),
      uint(signature.length, 2),
      signature,
    ]);
  });
  const list = Buffer.concat(scts.map((sct) => Buffer.concat([uint(sct.length, 2), sct])));
  const value = octets(Buffer.concat([uint(list.length, 2), list]));
  return { ...spec, extensions: [...spec.extensions, extension(OID_SCT_LIST, value)] };
}

export interface AuthorityOptions {
  readonly name: string;
  /** The whole Name instead of one with `name` as its common name. */
  readonly subject?: Buffer;
  readonly issuer?: Authority;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly pathLength?: number;
  readonly keys?: KeyPair;
  /** Instead of those that make it an authority. */
  readonly constraints?: readonly Buffer[];
  readonly extraExtensions?: readonly Buffer[];
}

export function makeAuthority(options: AuthorityOptions): Authority {
  const keys = options.keys ?? newKeyPair('P-384');
  const name = options.subject ?? distinguishedName(options.name);
  const issuer = options.issuer ?? { name, keys };
  const der = makeCertificate({
    subject: name,
    issuer,
    publicKey: keys.publicKey,
    notBefore: options.notBefore,
    notAfter: options.notAfter,
    extensions: [
      ...(options.constraints ?? [keyUsage(0x06), basicConstraints(true, options.pathLength)]),
      subjectKeyId(keys.publicKey),
      authorityKeyId(issuer.keys.publicKey),
      ...(options.extraExtensions ?? []),
    ],
  });
  return { name, keys, der };
}

function makeTbs(spec: CertificateSpec): Buffer {
  return sequence(
    explicit(0, integer(2)),
    integer(spec.serial ?? 4711),
    signerOf(spec.issuer.keys).algorithm,
    spec.issuer.name,
    sequence(time(spec.notBefore), time(spec.notAfter)),
    spec.subject,
    spki(spec.publicKey),
    explicit(3, sequence(...spec.extensions)),
  );
}

function signerOf({ privateKey }: KeyPair): { signer: (data: Buffer) => Buffer; algorithm: Buffer } {
  if (privateKey.asymmetricKeyType === 'rsa') {
    return {
      signer: (data) => sign('sha256', data, privateKey),
      algorithm: sequence(oid('1.2.840.113549.1.1.11'), Buffer.of(5, 0)),
    };
  }
  const large = privateKey.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  return {
    signer: (data) => sign(large ? 'sha384' : 'sha256', data, privateKey),
    algorithm: sequence(oid(large ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.2')),
  };
}

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
