/** What a webhook gets when the API server names no time-out: its own default. Milliseconds. */
const DEFAULT_TIMEOUT = 10_000;
/** The longest that a webhook configuration can ask for (admissionregistration.k8s.io/v1, timeoutSeconds). Milliseconds. */
const MAX_TIMEOUT = 30_000;
/** So much is kept for writing the answer and for the way back. Milliseconds. */
const MIN_MARGIN = 500;

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds that a review may take: the API server's `?timeout=` (a Go duration, `10s`) less a margin, so that it is the
 * webhook that answers, with a reason, and never the API server that gives up without one.
 */
export function reviewMilliseconds(timeout: string | undefined): number {
  const asked = Math.min(parseGoDuration(timeout) ?? DEFAULT_TIMEOUT, MAX_TIMEOUT);
  return Math.max(0, asked - Math.max(asked / 10, MIN_MARGIN));
}

/** Milliseconds in what Go's `time.Duration` prints; undefined for anything else. */
export function parseGoDuration(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 64) return undefined;
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
    milliseconds += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  }
  return milliseconds;
}
