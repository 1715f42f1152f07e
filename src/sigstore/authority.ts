import { createHash } from 'node:crypto';
import type { X509Certificate } from '@sigstore/core';
import type { TrustMaterial } from '@sigstore/verify';
import { Refusal } from '../errors.ts';
import { parseRfc3339 } from '../rfc3339.ts';
import { certificateExtensions } from './certificate-extensions.ts';
import { hasPurpose, OID_EXTENDED_KEY_USAGE, UNDERSTOOD_EXTENSIONS } from './certificate.ts';
import { parseMemoised } from './memoised-certificate.ts';
import type { AuthorityJson, PeriodJson } from './trusted-root-shape.ts';

export type Authority = TrustMaterial['certificateAuthorities'][number];
export interface TimestampAuthority {
  /** `sha256:<hex>` of its certificate. */
  readonly fingerprint: string;
  readonly authority: Authority;
}

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const ANY_PURPOSE = '2.5.29.37.0';
const OID_NAME_CONSTRAINTS = '2.5.29.30';
/** The end of a period that has none, in milliseconds: the last time that a Date can tell. */
export const NEVER = 8_640_000_000_000_000;

/**
 * Reads an authority: its chain, leaf or intermediate first, and the period in which it is trusted.
 * @param purpose what it must be allowed to certify, where its certificates say so (extended key usage)
 * @throws Refusal MALFORMED, UNSUPPORTED or CERT_INVALID.
 */
export function readAuthority(
  { certChain, validFor }: AuthorityJson,
  path: string,
  purpose: string,
): Authority {
  const chain = certChain.certificates.map(({ rawBytes }, i) => parse(rawBytes, `${path}.certChain[${i}]`));
  if (chain.length === 0) throw new Refusal('MALFORMED', `${path}: the certificate chain is empty`);
  for (const certificate of chain) {
    const constraint = unsupportedConstraint(certificate, purpose);
    if (constraint !== undefined) throw new Refusal('UNSUPPORTED', `${path}: ${constraint}`);
  }
  return { certChain: chain, validFor: readPeriod(validFor, path) };
}

function parse(rawBytes: string, path: string): X509Certificate {
  try {
    return parseMemoised(Buffer.from(rawBytes, 'base64'));
  } catch (cause) {
    throw new Refusal('MALFORMED', `${path}: the certificate cannot be parsed`, { cause });
  }
}

/**
 * The library acts on basic constraints and key usage alone: an authority that is bound further would go unbound.
 * @returns what binds it; undefined for nothing
 * @throws Refusal CERT_INVALID for extensions that cannot be read.
 */
export function unsupportedConstraint(certificate: X509Certificate, purpose: string): string | undefined {
  const extensions = certificateExtensions(certificate);
  for (const [oid, { critical }] of extensions) {
    if (oid === OID_NAME_CONSTRAINTS || (critical && !UNDERSTOOD_EXTENSIONS.has(oid))) {
      return `certificates with the extension ${oid} are not supported`;
    }
  }
  return extensions.has(OID_EXTENDED_KEY_USAGE) &&
    !hasPurpose(certificate, purpose) &&
    !hasPurpose(certificate, ANY_PURPOSE)
    ? 'a certificate is for another purpose (extended key usage)'
    : undefined;
}

/** @throws Refusal as `readAuthority`; UNSUPPORTED also when its certificate is not for time stamping (attack A18). */
export function readTimestampAuthority(json: AuthorityJson, path: string): TimestampAuthority {
  const authority = readAuthority(json, path, TIME_STAMPING);
  const leaf: X509Certificate | undefined = authority.certChain[0];
  if (leaf === undefined || !hasPurpose(leaf, TIME_STAMPING)) {
    throw new Refusal(
      'UNSUPPORTED',
      `${path}: the first certificate is not for time stamping (extended key usage)`,
    );
  }
  const digest = createHash('sha256').update(leaf.root.toDER()).digest('hex');
  return { fingerprint: `sha256:${digest}`, authority };
}

/**
 * The start is required: the library takes a missing one for 1970 (attack A11).
 * @throws Refusal MALFORMED
 */
export function readPeriod(period: PeriodJson | null | undefined, path: string): { start: Date; end: Date } {
  if (period?.start === undefined || period.start === null) {
    throw new Refusal('MALFORMED', `${path}: validFor.start is missing`);
  }
  const start = readTime(period.start, `${path}.validFor.start`);
  const end =
    period.end === undefined || period.end === null ? NEVER : readTime(period.end, `${path}.validFor.end`);
  if (end < start) throw new Refusal('MALFORMED', `${path}: validFor ends before it starts`);
  return { start: new Date(start), end: new Date(end) };
}

function readTime(text: string, path: string): number {
  const time = parseRfc3339(text);
  if (time === undefined) throw new Refusal('MALFORMED', `${path} is not a time (RFC 3339)`);
  return time;
}
