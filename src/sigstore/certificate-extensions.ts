import type { X509Certificate } from '@sigstore/core';
import { Refusal } from '../errors.ts';

/** Extensions by OID, each present at most once (RFC 5280 §4.2). `value` is the content of the OCTET STRING. */
export type CertificateExtensions = ReadonlyMap<
  string,
  { readonly critical: boolean; readonly value: Buffer }
>;

/** version, serial, algorithm, issuer, validity, subject, key, extensions: the unique identifiers of 1993 are not accepted. */
const TBS_FIELDS = 8;
/** Place of the signature's algorithm among them. */
const TBS_SIGNATURE = 2;
const TAG_SEQUENCE = 0x30;

/**
 * The extensions of a v3 certificate. The library finds fields by position and extensions by the first match, so the
 * layout that it relies on is checked here.
 * @throws Refusal CERT_INVALID; TypeError and its like for what is no certificate at all.
 */
export function certificateExtensions(certificate: X509Certificate): CertificateExtensions {
  checkSigned(certificate);
  const fields = certificate.tbsCertificate.subs;
  const list = fields[TBS_FIELDS - 1];
  if (
    fields.length !== TBS_FIELDS ||
    fields[0]?.tag.isContextSpecific(0) !== true ||
    certificate.version !== 'v3' ||
    list?.tag.isContextSpecific(3) !== true ||
    list.subs.length !== 1
  ) {
    throw new Refusal(
      'CERT_INVALID',
      'the certificate is not an X.509 version 3 certificate with extensions',
    );
  }
  const extensions = new Map<string, { critical: boolean; value: Buffer }>();
  for (const extension of list.subs[0]?.subs ?? []) {
    const [oid, ...rest] = extension.subs;
    const value = rest.at(-1);
    if (oid === undefined || value === undefined || rest.length > 2 || !value.tag.isOctetString()) {
      throw new Refusal('CERT_INVALID', 'an extension of the certificate is malformed');
    }
    const name = oid.toOID();
    if (extensions.has(name)) {
      throw new Refusal('CERT_INVALID', `the certificate has the extension ${name} twice`);
    }
    extensions.set(name, {
      critical: rest.length === 2 && rest[0]?.toBoolean() === true,
      value: value.value,
    });
  }
  return extensions;
}

/**
 * What the signature does not cover has one form as well: a sequence of what is signed, the algorithm that is named inside too, and whole
 * bytes of a signature (RFC 5280 §4.1.1). The library looks at none of it, so that one certificate would have many spellings.
 */
function checkSigned({ root, tbsCertificate }: X509Certificate): void {
  const [, algorithm, signature] = root.subs;
  const named = tbsCertificate.subs[TBS_SIGNATURE];
  if (
    root.tag.toDER() !== TAG_SEQUENCE ||
    root.subs.length !== 3 ||
    algorithm === undefined ||
    named === undefined ||
    !algorithm.toDER().equals(named.toDER()) ||
    signature?.tag.isBitString() !== true ||
    signature.value[0] !== 0
  ) {
    throw new Refusal('CERT_INVALID', 'the certificate is not a signed one as X.509 has it');
  }
}
