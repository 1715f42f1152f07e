import { VerificationError } from '@sigstore/verify';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** Messages show less of it. */
const MAX_DETAIL_CHARS = 2 * LIMITS.messageFieldChars;

/**
 * The words of an error that are for people: ours, and the library's where it says what does not verify. Those of the JavaScript engine, of
 * OpenSSL and of parsers about bytes that are not what they must be are kept as causes.
 */
export function wordsOf(thrown: unknown, otherwise: string): string {
  return thrown instanceof Refusal || thrown instanceof VerificationError ? thrown.message : otherwise;
}

/**
 * Why evidence is refused, as it is remembered: thousands of them are, and some repeat what was read, such as the identifier of an
 * extension, which may have as many characters as its certificate.
 * @param otherwise where the error has no words for people
 */
export function detailOf(thrown: unknown, otherwise: string): string {
  const message = wordsOf(thrown, otherwise);
  // A slice alone would keep all of it.
  return message.length <= MAX_DETAIL_CHARS
    ? message
    : Buffer.from(message.slice(0, MAX_DETAIL_CHARS)).toString();
}
