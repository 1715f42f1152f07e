import { ipKeyGenerator, type ClientRateLimitInfo, type Store } from 'express-rate-limit';
import { LRUCache } from 'lru-cache';
import { ApiProblem } from './problem.ts';

/** So many in so much time. */
export interface Rate {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
}

export interface AdminRates {
  /** Requests of one address: many people may share one. */
  readonly address: Rate;
  /** Requests of one caller. */
  readonly caller: Rate;
  /** Requests of one caller that reach out to registries and key stores. */
  readonly outbound: Rate;
  /** Sign-ins begun by one address, good ones too. */
  readonly signIn: Rate;
}

const MINUTE = 60_000;
const BURST = 10_000;

export const ADMIN_RATES: AdminRates = {
  // In short windows: a call takes some 5 ms of CPU, and admissions wait for a minute's calls that come at once.
  address: { limit: 500, window: BURST },
  caller: { limit: 200, window: BURST },
  outbound: { limit: 120, window: MINUTE },
  signIn: { limit: 60, window: MINUTE },
};

/** Wrong credentials. */
export interface FailureRates {
  /** Of one address. */
  readonly address: Rate;
  /** Of all addresses together: who has many gets no further with them. */
  readonly all: Rate;
}

export const FAILURE_RATES: Readonly<Record<'cluster' | 'standalone', FailureRates>> = {
  // Nobody guesses a token: this is for the API server's sake, and one forgotten script must not lock its neighbours out.
  cluster: { address: { limit: 100, window: 15 * MINUTE }, all: { limit: 2_000, window: 15 * MINUTE } },
  standalone: { address: { limit: 10, window: 15 * MINUTE }, all: { limit: 200, window: 15 * MINUTE } },
};

/** Keys that are counted at once; whoever has not come for longest is forgotten first. */
const MAX_KEYS = 10_000;

/** Counts of express-rate-limit in bounded memory. Its own store grows with the number of strangers. */
export class BoundedStore implements Store {
  readonly localKeys = true;
  readonly #hits: LRUCache<string, { totalHits: number; readonly resetTime: Date }>;
  readonly #window: number;
  readonly #now: () => number;

  constructor({ window }: Rate, now: () => number = Date.now) {
    this.#window = window;
    this.#now = now;
    this.#hits = new LRUCache({ max: MAX_KEYS });
  }

  get(key: string): ClientRateLimitInfo | undefined {
    const hits = this.#hits.get(key);
    return hits === undefined || hits.resetTime.getTime() <= this.#now() ? undefined : { ...hits };
  }

  increment(key: string): ClientRateLimitInfo {
    const known = this.#hits.get(key);
    const now = this.#now();
    const hits =
      known === undefined || known.resetTime.getTime() <= now
        ? { totalHits: 0, resetTime: new Date(now + this.#window) }
        : known;
    hits.totalHits += 1;
    this.#hits.set(key, hits);
    return { ...hits };
  }

  decrement(key: string): void {
    const hits = this.#hits.get(key);
    if (hits !== undefined && hits.totalHits > 0) hits.totalHits -= 1;
  }

  resetKey(key: string): void {
    this.#hits.delete(key);
  }
}

/** One machine has a whole IPv6 network of addresses: they count as one. */
export function addressKey(address: string): string {
  return ipKeyGenerator(address);
}

const EVERYBODY = 'everybody';
/** Milliseconds that the answer to wrong credentials waits: doubled with each of an address, up to the last. */
const FIRST_DELAY = 100;
const LAST_DELAY = 5_000;

/** Counts wrong credentials, wherever they come: at sign-in or in a header. */
export class FailureGuard {
  readonly #rates: FailureRates;
  readonly #ofAddress: BoundedStore;
  readonly #ofAll: BoundedStore;
  readonly #now: () => number;

  constructor(rates: FailureRates, now: () => number = Date.now) {
    this.#rates = rates;
    this.#now = now;
    this.#ofAddress = new BoundedStore(rates.address, now);
    this.#ofAll = new BoundedStore(rates.all, now);
  }

  /** Before credentials are looked at. @throws ApiProblem RATE_LIMITED */
  check(address: string): void {
    this.#check(this.#ofAddress.get(addressKey(address)), this.#rates.address);
    this.#check(this.#ofAll.get(EVERYBODY), this.#rates.all);
  }

  /** Wrong credentials. @returns milliseconds that the answer has to wait */
  failed(address: string): number {
    this.#ofAll.increment(EVERYBODY);
    const { totalHits } = this.#ofAddress.increment(addressKey(address));
    return Math.min(FIRST_DELAY * 2 ** (totalHits - 1), LAST_DELAY);
  }

  #check(info: ClientRateLimitInfo | undefined, { limit }: Rate): void {
    if (info === undefined || info.totalHits < limit) return;
    const left = (info.resetTime?.getTime() ?? 0) - this.#now();
    throw new ApiProblem('RATE_LIMITED', 'Too many wrong sign-ins. Wait, and try again.', {
      retryAfter: Math.max(1, left / 1000),
    });
  }
}
