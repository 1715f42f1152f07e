import { HistoryError } from './database.ts';
import type { VerdictKind } from './verification.ts';

/** Which verifications are asked for: all that fulfil everything that is given. */
export interface VerificationFilter {
  /** The whole name as the user wrote it, how it begins, or a part of it. */
  readonly image?: { readonly match: 'whole' | 'beginning' | 'part'; readonly text: string };
  /** Of the review. */
  readonly uid?: string;
  readonly digest?: string;
  readonly policy?: string;
  readonly signer?: string;
  /** Which entry the signer was trusted as: `TrustedSigner "release-ci"`, or the field of an inline one. */
  readonly signerEntry?: string;
  readonly verdict?: VerdictKind;
  readonly namespace?: string;
  /** Milliseconds since the epoch; `until` itself is left out. */
  readonly from?: number;
  readonly until?: number;
}

/** The longest that is kept of an image's name. */
const MAX_CHARS = 780;

/** @throws HistoryError BAD_REQUEST */
export function checkFilter(filter: VerificationFilter): void {
  const { image, uid, digest, policy, signer, signerEntry, namespace, from, until } = filter;
  for (const text of [image?.text, uid, digest, policy, signer, signerEntry, namespace]) {
    // Empty would ask for everything, by a way that no index helps with.
    if (text !== undefined && (text === '' || text.length > MAX_CHARS)) {
      throw badRequest(`a text to search for has 1 to ${MAX_CHARS} characters`);
    }
  }
  for (const time of [from, until]) {
    if (time !== undefined && !(Number.isSafeInteger(time) && time >= 0)) {
      throw badRequest('a time is a whole number of milliseconds since 1970');
    }
  }
}

export function badRequest(message: string): HistoryError {
  return new HistoryError('BAD_REQUEST', message);
}

/** The first text after all that begin with `text`, byte by byte; undefined = there is none. */
export function endOfBeginning(text: string): string | undefined {
  for (let length = text.length; length > 0; length -= 1) {
    const last = text.charCodeAt(length - 1);
    // Names of images are ASCII; anything else is spelled out or has a code point below the surrogates' in nearly every case.
    if (last < 0xd7ff) return text.slice(0, length - 1) + String.fromCharCode(last + 1);
  }
  return undefined;
}
