import { createPublicKey, type KeyObject } from 'node:crypto';
import { ASN1Obj, crypto as sigstoreCrypto, X509Certificate } from '@sigstore/core';

/**
 * A certificate that remembers what the chain builder asks of it for every signature: its encoding, its key, and by
 * which other certificate *object* it was signed. The authorities of a trust root live as long as the root and never change, and
 * six of the nine public-key operations of one verification were on them, always with the same result.
 */
export class MemoisedCertificate extends X509Certificate {
  readonly #verifiedBy = new WeakMap<X509Certificate, boolean>();
  #spki: Buffer | undefined;
  #key: KeyObject | undefined;

  /** @param der what `asn1` was parsed from */
  constructor(asn1: ASN1Obj, der: Buffer) {
    super(asn1);
    // `equals` and `clone` of every certificate compared with this one ask for it; both only read it.
    asn1.toDER = () => der;
    const tbs = this.tbsCertificate;
    const signed = encoded(tbs);
    tbs.toDER = () => signed;
  }

  override get publicKey(): Buffer {
    this.#spki ??= super.publicKey;
    return this.#spki;
  }

  get #publicKeyObject(): KeyObject {
    this.#key ??= createPublicKey({ key: this.publicKey, format: 'der', type: 'spki' });
    return this.#key;
  }

  override verify(issuer: X509Certificate = this): boolean {
    const known = this.#verifiedBy.get(issuer);
    if (known !== undefined) return known;
    const verified =
      issuer instanceof MemoisedCertificate
        ? sigstoreCrypto.verify(
            this.tbsCertificate.toDER(),
            issuer.#publicKeyObject,
            this.signatureValue,
            this.signatureAlgorithm,
          )
        : super.verify(issuer);
    this.#verifiedBy.set(issuer, verified);
    return verified;
  }
}

/** @throws ASN1ParseError and its like for what is not DER. Bound the size before. */
export function parseMemoised(der: Uint8Array): MemoisedCertificate {
  const bytes = Buffer.from(der);
  return new MemoisedCertificate(ASN1Obj.parseBuffer(bytes), bytes);
}

/**
 * What a parsed value was parsed from, provided that its length was written as DER has it. The library puts it together again from
 * its parts, which costs a fifth of a verification, and loses how a length inside was written.
 */
function encoded({ tag, value }: ASN1Obj): Buffer {
  const length =
    value.length < 0x80
      ? [value.length]
      : value.length < 0x100
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.of(tag.toDER(), ...length), value]);
}
