import { textAt, type Json } from '../shared/values.ts';

/** Milliseconds after the end at which the server is asked: its clock is not ours. */
const MARGIN = 1000;
/** Milliseconds; what ends later is found by the next look. */
const LONGEST = 60_000;

/**
 * How long what was read stays true, where documents end by themselves (`expiresAt`) and nobody tells.
 * @param now milliseconds since 1970 @returns milliseconds, at most a minute; false = none of them ends
 */
export function untilNextExpiry(items: readonly { readonly spec: Json }[], now: number): number | false {
  const ends = items
    .map(({ spec }) => Date.parse(textAt(spec, 'expiresAt') ?? ''))
    .filter((end) => end > now);
  return ends.length === 0 ? false : Math.min(Math.min(...ends) - now + MARGIN, LONGEST);
}
