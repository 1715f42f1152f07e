import type { SlsaViolation } from './slsa-outcome.ts';

/** Clocks differ: a time may be this far ahead of ours. */
export const CLOCK_SKEW_MILLISECONDS = 5 * 60_000;

/**
 * The earliest trusted time says when it was signed: a later one only says that it existed by then, and would let an old
 * statement pass for a new one.
 * @param maxAge milliseconds; undefined = of any age
 * @param times trusted times, ascending, milliseconds since the epoch, like `now`
 */
export function ageViolation(
  maxAge: number | undefined,
  times: readonly number[],
  now: number,
): SlsaViolation | undefined {
  const [earliest] = times;
  const latest = times.at(-1);
  if (latest !== undefined && latest > now + CLOCK_SKEW_MILLISECONDS) {
    return { code: 'ATT_STALE', detail: `it was signed at ${iso(latest)}, which is in the future` };
  }
  if (maxAge === undefined) return undefined;
  if (earliest === undefined) {
    return {
      code: 'ATT_STALE',
      detail: 'nothing that is trusted tells when it was signed, and maxAge is set',
    };
  }
  if (now - earliest <= maxAge) return undefined;
  return {
    code: 'ATT_STALE',
    detail: `it was signed at ${iso(earliest)}; expected after ${iso(now - maxAge)}`,
  };
}

export function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
