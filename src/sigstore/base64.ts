import { Refusal } from '../errors.ts';

const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;
const URL_SAFE = /^[A-Za-z0-9_-]*={0,2}$/;
/** Last characters of a group of two and of three whose bits beyond the last byte are zero (RFC 4648 §3.5). */
const WHOLE_BYTES: Readonly<Record<number, RegExp>> = { 2: /[AQgw]=*$/, 3: /[AEIMQUYcgkosw048]=*$/ };

/**
 * Base64 in either alphabet, never both (RFC 4648 §4 and §5; the JSON form of protobuf and DSSE ask readers to take both).
 * Buffer.from alone skips whatever it does not know, and bits that belong to no byte, so that two texts could mean the same bytes.
 * @throws Refusal MALFORMED, or LIMIT above `maxBytes`; `what` names the field.
 */
export function decodeBase64(text: string, what: string, maxBytes: number): Buffer {
  checkBase64(text, what, maxBytes);
  // Node reads both alphabets under this name.
  return Buffer.from(text, 'base64');
}

/** The same checks without the bytes. */
export function checkBase64(text: string, what: string, maxBytes: number): void {
  if (decodedLength(text) > maxBytes) {
    throw new Refusal('LIMIT', `${what} is larger than ${maxBytes} bytes`);
  }
  if ((!STANDARD.test(text) && !URL_SAFE.test(text)) || !hasWholeLength(text) || !hasWholeBytes(text)) {
    throw new Refusal('MALFORMED', `${what} is not base64`);
  }
}

function decodedLength(text: string): number {
  return Math.floor((digitsOf(text) * 3) / 4);
}

/** Characters without the padding. */
function digitsOf(text: string): number {
  return text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
}

/** Padding, where there is any, fills the last group; without it the last group holds at least two characters. */
function hasWholeLength(text: string): boolean {
  return text.endsWith('=') ? text.length % 4 === 0 : text.length % 4 !== 1;
}

function hasWholeBytes(text: string): boolean {
  return WHOLE_BYTES[digitsOf(text) % 4]?.test(text.slice(-3)) ?? true;
}
