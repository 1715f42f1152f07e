import { X509Certificate } from 'node:crypto';
import { Refusal } from '../errors.ts';
import { decodeBase64 } from './base64.ts';

const BEGIN_OF_BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;

/** The label of each PEM block, in order. */
export function pemLabels(pem: string): readonly string[] {
  return Array.from(pem.matchAll(BEGIN_OF_BLOCK), (match) => match[1] ?? '');
}

/**
 * The bytes of the one PEM block that `pem` is, of the label given (RFC 7468).
 * @throws Refusal MALFORMED; `what` names it.
 */
export function pemBody(pem: string, label: string, what: string): Buffer {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const text = pem.trim();
  if (!text.startsWith(begin) || !text.endsWith(end) || text.length < begin.length + end.length) {
    throw new Refusal('MALFORMED', `${what} is not one PEM block ${label}`);
  }
  const body = text.slice(begin.length, -end.length).replace(/[\r\n\t ]+/g, '');
  return decodeBase64(body, what, pem.length);
}

/**
 * The bytes of every PEM block, all of one label, with nothing but white space between them.
 * @throws Refusal MALFORMED, or LIMIT above `max` blocks.
 */
export function pemBlocks(pem: string, label: string, max: number): readonly Buffer[] {
  const end = `-----END ${label}-----`;
  const blocks = pem.trim().split(end);
  if (blocks.length > max + 1) throw new Refusal('LIMIT', `there are more than ${max} PEM blocks ${label}`);
  if (blocks.at(-1) !== '') throw new Refusal('MALFORMED', `there is more than PEM blocks ${label}`);
  return blocks.slice(0, -1).map((block) => pemBody(`${block}${end}`, label, 'a PEM block'));
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The text of a file of authorities, which is PEM certificates. Of such a text Node drops what it cannot read, without an error.
 * @param file its name, for the error
 * @throws Error that names the file
 */
export function checkedAuthorities(pem: string, file: string): string {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error(`${file} holds no PEM certificate`);
  const begun = pemLabels(pem).filter((label) => label === 'CERTIFICATE').length;
  if (blocks.length !== begun || !blocks.every(isCertificate))
    throw new Error(`${file} holds a PEM certificate that cannot be read`);
  return pem;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
