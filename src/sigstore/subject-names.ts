import { ASN1Obj } from '@sigstore/core';
import { Refusal } from '../errors.ts';
import type { SubjectName } from './verified-signature.ts';

/** Choices of GeneralName (RFC 5280 §4.2.1.6) that hold the text of an identity. */
const TEXT_NAMES: Readonly<Record<number, SubjectName['type']>> = { 1: 'email', 6: 'uri' };
const OTHER_NAME = 0;
/** The type of Fulcio's usernames (sigstore/fulcio, docs/oid-info.md). */
const OID_USERNAME = '1.3.6.1.4.1.57264.1.7';
const TAG_UTF8_STRING = 0x0c;
/** `alice!example.com`, as Fulcio makes it of a token's subject and the domain of its issuer. */
const USERNAME = /^[^!@]+![^!@]+$/;

/**
 * All names from the raw bytes: the library shows one, the first URI or else the first e-mail address (attacks C6, C7).
 * Names of other types say nothing that a policy can name.
 * @param extension the value of subjectAltName; undefined for a certificate without
 * @throws Refusal CERT_INVALID for a name that is malformed.
 */
export function readNames(extension: Buffer | undefined): readonly SubjectName[] {
  if (extension === undefined) return [];
  return ASN1Obj.parseBuffer(Buffer.from(extension)).subs.flatMap(readName);
}

function readName(name: ASN1Obj): readonly SubjectName[] {
  if (!name.tag.isContextSpecific()) return [];
  if (name.tag.number === OTHER_NAME) return readOtherName(name);
  const type = TEXT_NAMES[name.tag.number];
  if (type === undefined) return [];
  if (name.tag.constructed) throw malformed();
  return [{ type, value: printable(name.value, 'a subject alternative name') }];
}

/** OtherName is a SEQUENCE of its type and, in an explicit tag 0, its value: for usernames a UTF8String. */
function readOtherName({ tag, subs: [type, value, ...more] }: ASN1Obj): readonly SubjectName[] {
  if (!tag.constructed || type?.tag.isOID() !== true) throw malformed();
  if (type.toOID() !== OID_USERNAME) return [];
  const [text, ...others] = value?.subs ?? [];
  if (
    value?.tag.isContextSpecific(0) !== true ||
    !value.tag.constructed ||
    text?.tag.toDER() !== TAG_UTF8_STRING ||
    more.length + others.length > 0
  ) {
    throw malformed();
  }
  const username = printable(text.value, 'a username');
  // With an at sign or a scheme it could match a policy that was written for e-mail addresses or URIs.
  if (!USERNAME.test(username) || username.includes('://')) {
    throw invalid('a username of the certificate is not of the form name!domain');
  }
  return [{ type: 'username', value: username }];
}

/** An IA5String may hold any of 128 characters, and readers disagree about the other 128: only what people can see is a name. */
export function printable(bytes: Buffer, what: string): string {
  if (bytes.length === 0) throw invalid(`${what} of the certificate is empty`);
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw invalid(`${what} of the certificate holds bytes that are not printable ASCII`);
  }
  return bytes.toString('latin1');
}

function malformed(): Refusal {
  return invalid('a subject alternative name of the certificate is malformed');
}

function invalid(message: string): Refusal {
  return new Refusal('CERT_INVALID', message);
}
