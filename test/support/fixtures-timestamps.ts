import { sign } from 'node:crypto';
import {
  authorityKeyId,
  distinguishedName,
  EKU_TIME_STAMPING,
  extendedKeyUsage,
  keyUsage,
  makeAuthority,
  makeCertificate,
  newKeyPair,
  sha256,
  subjectKeyId,
  type KeyPair,
} from './fixtures-certificates.ts';
import { explicit, integer, octets, oid, sequence, set, time } from './fixtures-der.ts';

const OID_SHA256 = '2.16.840.1.101.3.4.2.1';
const OID_ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const OID_SIGNED_DATA = '1.2.840.113549.1.7.2';
const OID_TST_INFO = '1.2.840.113549.1.9.16.1.4';

/** A timestamp authority of its own (RFC 3161), whose clock is whatever the test says. */
export interface TimestampAuthority {
  readonly keys: KeyPair;
  /** Leaf first. */
  readonly chain: readonly Buffer[];
  /** DER of the issuer's name and the serial, as tokens name the signer. */
  readonly issuerName: Buffer;
  readonly serial: number;
  /** A whole response, granted. */
  stamp(data: Buffer, at: Date, options?: StampOptions): Buffer;
}

export interface StampOptions {
  readonly status?: number;
  /** Signs with another key than the certificate's. */
  readonly keys?: KeyPair;
  /** Certificates in the token's own bag, which proves nothing. */
  readonly bag?: readonly Buffer[];
}

export function createTimestampAuthority(options: {
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly purposes?: readonly string[];
}): TimestampAuthority {
  const root = makeAuthority({ ...options, name: `${options.name} TSA root` });
  const keys = newKeyPair();
  const serial = 815;
  const leaf = makeCertificate({
    subject: distinguishedName(`${options.name} TSA`),
    issuer: root,
    publicKey: keys.publicKey,
    notBefore: options.notBefore,
    notAfter: options.notAfter,
    serial,
    extensions: [
      keyUsage(0x80),
      extendedKeyUsage(...(options.purposes ?? [EKU_TIME_STAMPING])),
      subjectKeyId(keys.publicKey),
      authorityKeyId(root.keys.publicKey),
    ],
  });
  return {
    keys,
    chain: [leaf, root.der],
    issuerName: root.name,
    serial,
    stamp: (data, at, stampOptions = {}) =>
      response({ keys, issuerName: root.name, serial }, data, at, stampOptions),
  };
}

function response(
  tsa: Pick<TimestampAuthority, 'keys' | 'issuerName' | 'serial'>,
  data: Buffer,
  at: Date,
  options: StampOptions,
): Buffer {
  const sha256Algorithm = sequence(oid(OID_SHA256));
  const info = sequence(
    integer(1),
    oid('1.3.6.1.4.1.57264.2'),
    sequence(sha256Algorithm, octets(sha256(data))),
    integer(42),
    time(at),
  );
  const attributes = [
    sequence(oid('1.2.840.113549.1.9.3'), set(oid(OID_TST_INFO))),
    sequence(oid('1.2.840.113549.1.9.4'), set(octets(sha256(info)))),
  ];
  const signature = sign('sha256', set(...attributes), (options.keys ?? tsa.keys).privateKey);
  const signerInfo = sequence(
    integer(1),
    sequence(tsa.issuerName, integer(tsa.serial)),
    sha256Algorithm,
    explicit(0, ...attributes),
    sequence(oid(OID_ECDSA_SHA256)),
    octets(signature),
  );
  const signedData = sequence(
    integer(3),
    set(sha256Algorithm),
    sequence(oid(OID_TST_INFO), explicit(0, octets(info))),
    ...(options.bag === undefined ? [] : [explicit(0, ...options.bag)]),
    set(signerInfo),
  );
  return sequence(
    sequence(integer(options.status ?? 0)),
    sequence(oid(OID_SIGNED_DATA), explicit(0, signedData)),
  );
}
