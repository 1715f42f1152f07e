import { createHash, sign } from 'node:crypto';
import {
  authorityKeyId,
  distinguishedName,
  EKU_TIME_STAMPING,
  extendedKeyUsage,
  keyUsage,
  makeAuthority,
  makeCertificate,
  newKeyPair,
  subjectKeyId,
  type KeyPair,
} from './fixtures-certificates.ts';
import { explicit, integer, octets, oid, sequence, set, time, tlv } from './fixtures-der.ts';

const HASH_OIDS = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;
const ECDSA_OIDS = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
} as const;
const RSA_OIDS = {
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
} as const;
const OID_RSA = '1.2.840.113549.1.1.1';
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
  /** The time as its DER spells it: `20260601120000.12Z`. */
  readonly timeText?: string;
  /** Hash of the stamped text; SHA-256 otherwise. */
  readonly imprint?: StampHash;
  /** Hash that the authority signs with; SHA-256 otherwise. */
  readonly hash?: StampHash;
  /** RSA only: the algorithm is named without its hash. */
  readonly bareRsa?: boolean;
}

export type StampHash = keyof typeof HASH_OIDS;

export function createTimestampAuthority(options: {
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly purposes?: readonly string[];
  readonly keys?: KeyPair;
}): TimestampAuthority {
  const root = makeAuthority({ ...options, name: `${options.name} TSA root` });
  const keys = options.keys ?? newKeyPair();
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
  const { imprint = 'sha256', hash = 'sha256', keys = tsa.keys } = options;
  const digestAlgorithm = sequence(oid(HASH_OIDS[hash]));
  const info = sequence(
    integer(1),
    oid('1.3.6.1.4.1.57264.2'),
    sequence(sequence(oid(HASH_OIDS[imprint])), octets(digest(imprint, data))),
    integer(42),
    options.timeText === undefined ? time(at) : tlv(0x18, Buffer.from(options.timeText)),
  );
  const attributes = [
    sequence(oid('1.2.840.113549.1.9.3'), set(oid(OID_TST_INFO))),
    sequence(oid('1.2.840.113549.1.9.4'), set(octets(digest(hash, info)))),
  ];
  const signature = sign(hash, set(...attributes), keys.privateKey);
  const signerInfo = sequence(
    integer(1),
    sequence(tsa.issuerName, integer(tsa.serial)),
    digestAlgorithm,
    explicit(0, ...attributes),
    signatureAlgorithm(keys, hash, options.bareRsa ?? false),
    octets(signature),
  );
  const signedData = sequence(
    integer(3),
    set(digestAlgorithm),
    sequence(oid(OID_TST_INFO), explicit(0, octets(info))),
    ...(options.bag === undefined ? [] : [explicit(0, ...options.bag)]),
    set(signerInfo),
  );
  return sequence(
    sequence(integer(options.status ?? 0)),
    sequence(oid(OID_SIGNED_DATA), explicit(0, signedData)),
  );
}

function signatureAlgorithm({ privateKey }: KeyPair, hash: StampHash, bare: boolean): Buffer {
  if (privateKey.asymmetricKeyType !== 'rsa') return sequence(oid(ECDSA_OIDS[hash]));
  return sequence(oid(bare ? OID_RSA : RSA_OIDS[hash]), Buffer.of(5, 0));
}

function digest(hash: StampHash, data: Buffer): Buffer {
  return createHash(hash).update(data).digest();
}
