import { asError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** Messages show less of it. */
const MAX_DETAIL_CHARS = 2 * LIMITS.messageFieldChars;

/**
 * Why evidence is refused, as it is remembered: thousands of them are, and some repeat what was read, such as the identifier of an
 * extension, which may have as many characters as its certificate.
 */
export function detailOf(thrown: unknown): string {
  const { message } = asError(thrown);
  // A slice alone would keep all of it.
  return message.length <= MAX_DETAIL_CHARS
    ? message
    : Buffer.from(message.slice(0, MAX_DETAIL_CHARS)).toString();
}
