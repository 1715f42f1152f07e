import { LRUCache } from 'lru-cache';
import { atMost } from '../limits.ts';

/** Milliseconds. A registry that has the API keeps it; one that has not may be upgraded. */
const LIFETIMES = { api: 3600_000, tag: 600_000 };

type Support = 'api' | 'tag';

/** What is known of one repository's referrers: the API, or the fallback tag. It saves requests and decides nothing. */
export interface ReferrersSupport {
  get(): Support | undefined;
  set(support: Support): void;
}

/** Kept per repository: one host may serve repositories of several kinds, and a 404 may only mean "no such repository". */
export class ReferrersMemory {
  readonly #known = new LRUCache<string, { support: Support; until: number }>(atMost(10_000));
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  of(key: string): ReferrersSupport {
    return {
      get: () => {
        const known = this.#known.get(key);
        return known !== undefined && this.#now() < known.until ? known.support : undefined;
      },
      set: (support) => void this.#known.set(key, { support, until: this.#now() + LIFETIMES[support] }),
    };
  }
}
