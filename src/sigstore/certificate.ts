import { createPublicKey } from 'node:crypto';
import { ASN1Obj, type X509Certificate } from '@sigstore/core';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { certificateExtensions, type CertificateExtensions } from './certificate-extensions.ts';
import { distinguishedName } from './distinguished-name.ts';
import { FULCIO_EXTENSIONS, OID_ISSUER, OID_ISSUER_RAW, withOldExtensions } from './fulcio-extensions.ts';
import { parseMemoised } from './memoised-certificate.ts';
import { printable, readNames } from './subject-names.ts';
import { verificationKey, type VerificationKey } from './verification-key.ts';
import type { CertificateIdentity } from './verified-signature.ts';

/** What the leaf certificate of some evidence says; nobody has vouched for it yet. */
export interface LeafCertificate {
  readonly kind: 'certificate';
  readonly certificate: X509Certificate;
  readonly der: Buffer;
  readonly key: VerificationKey;
  readonly identity: Omit<CertificateIdentity, 'kind' | 'trustRoot'>;
  /** Milliseconds since the epoch, both inclusive (RFC 5280 §4.1.2.5). */
  readonly notBefore: number;
  readonly notAfter: number;
}

const OID_KEY_USAGE = '2.5.29.15';
const OID_SUBJECT_ALT_NAME = '2.5.29.17';
const OID_BASIC_CONSTRAINTS = '2.5.29.19';
export const OID_EXTENDED_KEY_USAGE = '2.5.29.37';
/** The purpose of a signer's certificate, in extended key usage. */
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const KEY_USAGE_DIGITAL_SIGNATURE = 0;
const KEY_USAGE_CERT_SIGN = 5;
/** Place of the issuer's name among the fields of a v3 certificate (RFC 5280 §4.1). */
const TBS_ISSUER = 3;
const TAG_UTF8_STRING = 0x0c;
/** Anything else that is marked critical must be refused by a reader that does not act on it (RFC 5280 §4.2). */
export const UNDERSTOOD_EXTENSIONS: ReadonlySet<string> = new Set([
  OID_KEY_USAGE,
  OID_SUBJECT_ALT_NAME,
  OID_BASIC_CONSTRAINTS,
  OID_EXTENDED_KEY_USAGE,
]);

/**
 * Reads a signing certificate and applies the rules that do not depend on who issued it: a v3 end-entity certificate for code
 * signing, without unknown critical extensions, whose names are printable ASCII.
 * @throws Refusal CERT_INVALID, or LIMIT above `LIMITS.certificateBytes`.
 */
export function parseLeafCertificate(der: Buffer): LeafCertificate {
  if (der.length > LIMITS.certificateBytes) {
    throw new Refusal('LIMIT', `the certificate is larger than ${LIMITS.certificateBytes} bytes`);
  }
  try {
    return readLeaf(der);
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.code !== 'MALFORMED') throw invalid(thrown.message, thrown);
    throw invalid('the certificate cannot be parsed', thrown);
  }
}

/** True when the certificate says that it may be used for `purpose` (an OID); anyExtendedKeyUsage does not count. */
export function hasPurpose(certificate: X509Certificate, purpose: string): boolean {
  const extension = certificateExtensions(certificate).get(OID_EXTENDED_KEY_USAGE);
  return (
    extension !== undefined &&
    ASN1Obj.parseBuffer(Buffer.from(extension.value)).subs.some((usage) => usage.toOID() === purpose)
  );
}

function readLeaf(der: Buffer): LeafCertificate {
  const certificate = parseMemoised(der);
  const extensions = certificateExtensions(certificate);
  for (const [oid, { critical }] of extensions) {
    if (critical && !UNDERSTOOD_EXTENSIONS.has(oid))
      throw invalid(`the certificate has the unknown critical extension ${oid}`);
  }
  checkUsage(certificate, extensions);
  const issuer = readIssuer(extensions) ?? authorityName(certificate);
  const names = readNames(extensions.get(OID_SUBJECT_ALT_NAME)?.value);
  return {
    kind: 'certificate',
    certificate,
    der,
    key: verificationKey(createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' })),
    identity: {
      issuer,
      names,
      extensions: withOldExtensions({
        issuer,
        isIssuerNew: extensions.has(OID_ISSUER),
        names,
        extensions: readFulcioExtensions(extensions),
        rawText: (oid) => {
          const extension = extensions.get(oid);
          return extension === undefined ? undefined : printable(extension.value, `the extension ${oid}`);
        },
      }),
    },
    notBefore: timeOf(certificate.notBefore),
    notAfter: timeOf(certificate.notAfter),
  };
}

function checkUsage(certificate: X509Certificate, extensions: CertificateExtensions): void {
  const usage = extensions.get(OID_KEY_USAGE);
  const bits = usage === undefined ? undefined : ASN1Obj.parseBuffer(Buffer.from(usage.value)).toBitString();
  if (certificate.extBasicConstraints?.isCA === true || bits?.[KEY_USAGE_CERT_SIGN] === 1) {
    throw invalid('the certificate is one of an authority, not of a signer');
  }
  if (bits !== undefined && bits[KEY_USAGE_DIGITAL_SIGNATURE] !== 1) {
    throw invalid('the certificate is not for digital signatures');
  }
  if (!hasPurpose(certificate, CODE_SIGNING)) {
    throw invalid('the certificate is not for code signing (extended key usage)');
  }
}

function readIssuer(extensions: CertificateExtensions): string | undefined {
  const current = extensions.get(OID_ISSUER);
  const raw = extensions.get(OID_ISSUER_RAW);
  const issuer = current === undefined ? undefined : printable(utf8StringBytes(current.value), 'the issuer');
  const rawIssuer = raw === undefined ? undefined : printable(raw.value, 'the issuer');
  if (issuer !== undefined && rawIssuer !== undefined && issuer !== rawIssuer) {
    throw invalid('the certificate names two different issuers');
  }
  return issuer ?? rawIssuer;
}

/** Corporate authorities know no OIDC issuer: there whoever signed the certificate is the issuer. */
function authorityName(certificate: X509Certificate): string {
  const name = certificate.tbsCertificate.subs[TBS_ISSUER];
  if (name === undefined || name.subs.length === 0) throw invalid('the certificate names no issuer');
  return distinguishedName(name);
}

function readFulcioExtensions(extensions: CertificateExtensions): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, oid] of Object.entries(FULCIO_EXTENSIONS)) {
    const extension = extensions.get(oid);
    if (extension === undefined) continue;
    values[name] = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      utf8StringBytes(extension.value),
    );
  }
  return values;
}

function utf8StringBytes(value: Buffer): Buffer {
  const { tag, value: bytes } = ASN1Obj.parseBuffer(Buffer.from(value));
  if (tag.toDER() !== TAG_UTF8_STRING) throw invalid('an extension of the certificate is not a UTF8String');
  return bytes;
}

function timeOf(date: Date): number {
  const time = date.getTime();
  if (Number.isNaN(time)) throw invalid('the certificate has a time that does not exist');
  return time;
}

function invalid(message: string, cause?: unknown): Refusal {
  return new Refusal('CERT_INVALID', message, cause === undefined ? {} : { cause });
}
