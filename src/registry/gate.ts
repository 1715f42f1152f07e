import { LRUCache } from 'lru-cache';
import { Fault } from '../errors.ts';
import { timeoutFault } from './faults.ts';

/** Waiting requests per place: enough for the pieces of a few images, few enough to be answered in a review's time. */
const QUEUE_PER_PLACE = 16;

/** Lets so many in at once; the others wait in order, and no more than a bounded number of them. */
class Places {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
    this.#maxWaiting = places * QUEUE_PER_PLACE;
  }

  async enter(host: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw timeoutFault(host);
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    if (this.#waiting.size >= this.#maxWaiting) {
      throw new Fault(
        'OVERLOADED',
        `too many requests to registry ${host} are waiting; try again in a moment`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.delete(resolve);
      reject(timeoutFault(host));
    };
    this.#waiting.add(resolve);
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** Hands the place to who waits longest. */
  leave(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next();
      return;
    }
    this.#free += 1;
  }
}

/** Bounds the requests under way: to each host, and in all. */
export class Gate {
  readonly #all: Places;
  readonly #hosts: LRUCache<string, Places>;

  constructor(limits: { readonly total: number; readonly perHost: number }) {
    this.#all = new Places(limits.total);
    // A host that falls out while it is in use starts anew, which loosens its own limit only.
    this.#hosts = new LRUCache<string, Places>({ max: 1024, memoMethod: () => new Places(limits.perHost) });
  }

  /** Does the work in a place of this host. @throws Fault OVERLOADED or TIMEOUT when there is none in time */
  async run<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const places = this.#hosts.memo(host);
    // The host's own place first: whoever waits for a slow host must not hold a place that others could use.
    await places.enter(host, signal);
    try {
      await this.#all.enter(host, signal);
      try {
        return await work();
      } finally {
        this.#all.leave();
      }
    } finally {
      places.leave();
    }
  }
}

/** Bytes that evidence may take up while it is looked for, all look-ups together. */
export class MemoryBudget {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** @throws Fault OVERLOADED */
  take(bytes: number): void {
    if (bytes > this.#free)
      throw new Fault('OVERLOADED', 'too much evidence is being read at once; try again in a moment');
    this.#free -= bytes;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}
