import type { ASN1Obj } from '@sigstore/core';
import { Refusal } from '../errors.ts';

/** Short names of attribute types (RFC 4514 §3). */
const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
};
/** UTF8String, PrintableString, IA5String: the others have encodings that readers disagree about. */
const TEXT_TAGS: ReadonlySet<number> = new Set([0x0c, 0x13, 0x16]);

/**
 * A Name as text: RFC 4514, the last part first, with the short names of its table: `CN=Corp Code Signing,O=Corp`. What is
 * not text, or of a type without a short name, is its DER in hex, so that no two names that differ in content read alike.
 * @param name the RDNSequence
 * @throws Refusal CERT_INVALID for what is no Name.
 */
export function distinguishedName(name: ASN1Obj): string {
  return name.subs
    .toReversed()
    .map((part) => part.subs.map(attribute).join('+'))
    .join(',');
}

function attribute({ subs: [type, value, ...more] }: ASN1Obj): string {
  if (type === undefined || value === undefined || more.length > 0) {
    throw new Refusal('CERT_INVALID', 'the name of the authority is malformed');
  }
  const oid = type.toOID();
  const short = Object.hasOwn(ATTRIBUTE_NAMES, oid) ? ATTRIBUTE_NAMES[oid] : undefined;
  const text = short === undefined ? undefined : textOf(value);
  return text === undefined
    ? `${short ?? oid}=#${value.toDER().toString('hex')}`
    : `${short}=${escaped(text)}`;
}

function textOf({ tag, value }: ASN1Obj): string | undefined {
  if (!TEXT_TAGS.has(tag.toDER())) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return undefined;
  }
}

/** RFC 4514 §2.4; control characters in hex. */
function escaped(text: string): string {
  return text
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
    .replace(
      /\p{Cc}/gu,
      (control) =>
        `\\${Buffer.from(control)
          .toString('hex')
          .replace(/..(?=.)/g, '$&\\')}`,
    );
}
