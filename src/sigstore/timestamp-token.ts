import { ASN1Obj, RFC3161Timestamp } from '@sigstore/core';
import { Refusal } from '../errors.ts';

/** granted, grantedWithMods (RFC 3161 §2.4.2); the library does not look. */
const GRANTED: ReadonlySet<bigint> = new Set([0n, 1n]);
/** Seconds are required, a fraction is allowed (RFC 3161 §2.4.2); 18 digits are finer than any clock. */
const GENERALIZED_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d{1,18})?Z$/;
/** RSA as a signer's algorithm (RFC 8017, RFC 4055): undefined where the hash stands beside it. PSS and SHA-1 are not among them. */
const RSA_HASHES: Readonly<Record<string, string | undefined>> = {
  '1.2.840.113549.1.1.1': undefined,
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
};

/**
 * A response of a timestamp authority. The library's class knows times without a fraction or with three digits, and reads
 * every RSA signature as one with SHA-256; and says nothing of status and hashes.
 */
export class TimestampToken extends RFC3161Timestamp {
  /**
   * @throws Refusal TIME_UNTRUSTED for one that was not granted, or that rests on another hash than SHA-256, SHA-384 or SHA-512;
   * ASN1ParseError and its like for what is no response. Bound the size before.
   */
  static override parse(der: Buffer): TimestampToken {
    const token = new TimestampToken(ASN1Obj.parseBuffer(Buffer.from(der)));
    if (!GRANTED.has(token.status)) {
      throw new Refusal('TIME_UNTRUSTED', 'the timestamp authority did not grant the timestamp');
    }
    if (
      // The library's types leave out that it knows no other hashes.
      (token.tstInfo.messageImprintHashAlgorithm as string | undefined) === undefined ||
      (token.signerDigestAlgorithm as string | undefined) === undefined
    ) {
      throw new Refusal('TIME_UNTRUSTED', 'the timestamp does not rest on SHA-256, SHA-384 or SHA-512');
    }
    return token;
  }

  /** To the millisecond, rounded down. */
  override get signingTime(): Date {
    const field = this.tstInfo.root.subs[4];
    const text = field?.tag.isGeneralizedTime() === true ? field.value.toString('latin1') : '';
    const [, year, month, day, hour, minute, second, fraction = ''] = GENERALIZED_TIME.exec(text) ?? [];
    const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
    const time = new Date(`${whole}.${fraction.slice(1, 4).padEnd(3, '0')}Z`);
    // Date takes 30 February for 2 March.
    if (Number.isNaN(time.getTime()) || !time.toISOString().startsWith(whole)) {
      throw new Refusal('TIME_UNTRUSTED', 'the timestamp has a time that does not exist');
    }
    return time;
  }

  override get signatureAlgorithm(): string {
    const oid = this.root.subs[1]?.subs
      .find(({ tag }) => tag.isContextSpecific(0))
      ?.subs[0]?.subs.at(-1)
      ?.subs[0]?.subs[4]?.subs[0]?.toOID();
    return oid !== undefined && Object.hasOwn(RSA_HASHES, oid)
      ? (RSA_HASHES[oid] ?? this.signerDigestAlgorithm)
      : super.signatureAlgorithm;
  }
}
