import { LRUCache } from 'lru-cache';
import { Fault } from '../errors.ts';
import { atMost } from '../limits.ts';
import type { Answer } from './exchange.ts';

/** A wait that a registry asks for is kept where it is this short (seconds); a longer one is for the caller to know. */
export const MAX_WAIT_SECONDS = 1;
/** However long a registry asks to be left alone, it is tried again after this (milliseconds): limits are lifted, too. */
const MAX_RESPITE_MS = 60_000;
/** IMF-fixdate, the one form of dates that servers send (RFC 9110 §5.6.7). */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

interface Respite {
  /** When the registry said that it may be asked again (milliseconds since the epoch). */
  readonly until: number;
  /** When it is asked again at the latest. */
  readonly end: number;
}

/**
 * Registries that asked to be left alone (429 or 503 with Retry-After). Limits are counted by account, so a respite is
 * kept by registry and credential: nobody waits for what somebody else has used up.
 */
export class Respites {
  readonly #now: () => number;
  readonly #respites = new LRUCache<string, Respite>(atMost(4096));

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws Fault REGISTRY_RATE_LIMITED while the registry is to be left alone */
  check(key: string, host: string): void {
    const respite = this.#respites.get(key);
    const now = this.#now();
    if (respite === undefined || now >= respite.end) return;
    const retryAfterSeconds = Math.max(1, Math.ceil((respite.until - now) / 1000));
    throw new Fault(
      'REGISTRY_RATE_LIMITED',
      `registry ${host} limits how often it may be asked, and was not asked this time; try again in ${retryAfterSeconds} s`,
      { retryAfterSeconds },
    );
  }

  /** Takes in what the registry asked for with a fault; short waits are kept by whoever asks. */
  note(key: string, { retryAfterSeconds }: Fault): void {
    if (retryAfterSeconds === undefined || retryAfterSeconds <= MAX_WAIT_SECONDS) return;
    const now = this.#now();
    const until = now + retryAfterSeconds * 1000;
    this.#respites.set(key, { until, end: Math.min(until, now + MAX_RESPITE_MS) });
  }

  /** Seconds that an answer asks to wait: a number, or until a date. */
  secondsOf(answer: Answer): number | undefined {
    const value = answer.header('retry-after') ?? '';
    if (/^\d{1,6}$/.test(value)) return Number(value);
    const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN;
    return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - this.#now()) / 1000));
  }
}
