import forge from 'node-forge';

const { asn1 } = forge;
type Node = forge.asn1.Asn1;

/**
 * The few DER shapes that a certificate is made of, built by node-forge: node:crypto signs, and reads certificates, but cannot
 * make them; node-forge makes them but knows no elliptic curves.
 */
export function sequence(...items: Node[]): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, items);
}

export function set(...items: Node[]): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, items);
}

export function objectId(dotted: string): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

/** The bytes are the integer's, big-endian, and positive. */
export function integer(bytes: Uint8Array): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.INTEGER, false, text(bytes));
}

export function boolean(value: boolean): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BOOLEAN, false, value ? '\u00ff' : '\u0000');
}

export function utf8(value: string): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTF8, false, forge.util.encodeUtf8(value));
}

export function octets(bytes: Uint8Array): Node {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, text(bytes));
}

/** `unused` is the number of bits of the last byte that do not count. */
export function bits(bytes: Uint8Array, unused = 0): Node {
  return asn1.create(
    asn1.Class.UNIVERSAL,
    asn1.Type.BITSTRING,
    false,
    String.fromCharCode(unused) + text(bytes),
  );
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
export function time(milliseconds: number): Node {
  const date = new Date(milliseconds);
  return date.getUTCFullYear() < 2050
    ? asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(asn1.Class.UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

/** Context-specific, with others inside. */
export function tagged(tag: number, ...items: Node[]): Node {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, items);
}

/** Context-specific, bytes. */
export function taggedBytes(tag: number, bytes: Uint8Array): Node {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, text(bytes));
}

export function encode(node: Node): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1');
}

export function decode(der: Uint8Array): Node {
  return asn1.fromDer(text(der));
}

/** node-forge holds bytes in strings, one character each. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
