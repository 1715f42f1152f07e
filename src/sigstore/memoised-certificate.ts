import { ASN1Obj, X509Certificate } from '@sigstore/core';

/**
 * A certificate that remembers what the chain builder asks of it for every signature: its own encoding, its key, and by
 * which other certificate *object* it was signed. The authorities of a trust root live as long as the root and never change, and
 * six of the nine public-key operations of one verification were on them, always with the same result.
 */
export class MemoisedCertificate extends X509Certificate {
  readonly #verifiedBy = new WeakMap<X509Certificate, boolean>();
  #spki: Buffer | undefined;

  constructor(asn1: ASN1Obj) {
    super(asn1);
    // `equals` and `clone` of every certificate compared with this one ask for it; both only read it.
    const der = asn1.toDER();
    asn1.toDER = () => der;
  }

  override get publicKey(): Buffer {
    this.#spki ??= super.publicKey;
    return this.#spki;
  }

  override verify(issuer: X509Certificate = this): boolean {
    const known = this.#verifiedBy.get(issuer);
    if (known !== undefined) return known;
    const verified = super.verify(issuer);
    this.#verifiedBy.set(issuer, verified);
    return verified;
  }
}

/** @throws ASN1ParseError and its like for what is not DER. Bound the size before. */
export function parseMemoised(der: Uint8Array): MemoisedCertificate {
  return new MemoisedCertificate(ASN1Obj.parseBuffer(Buffer.from(der)));
}
