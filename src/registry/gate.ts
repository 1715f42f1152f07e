import { LRUCache } from 'lru-cache';
import { FairSemaphore } from '../async/fair-semaphore.ts';
import { Fault } from '../errors.ts';
import { timeoutFault } from './faults.ts';

/**
 * Requests that may wait, for each host and in all: some 2 KB each. What waits is bounded by its caller's deadline long before: at 10 ms
 * a request, 16 places answer 14,000 in nine seconds.
 */
const MAX_WAITING = 16_384;

/**
 * Places of a host that has not answered yet: the referrers API, the fallback tag and cosign's two tags are asked at once,
 * so the first contact costs no round trip more than any other.
 */
const FIRST_CONTACT_PLACES = 4;

/** The host that a request goes to, and the namespace on whose behalf; empty = the installation's own. */
export interface AskedFor {
  readonly host: string;
  readonly namespace: string;
}

/**
 * Bounds the requests under way: to each host, and in all. A host is proven once it has answered; before that it has a
 * few places, and all such hosts together have half of the places: names of hosts that nobody is behind cost nothing to
 * make, and must not stop the look-ups at those that work. A host that lets a request run out of time, whoever lists it,
 * is as good as unproven until it has answered as often again: one that answers once and then hangs holds few places.
 */
export class Gate {
  readonly #perHost: number;
  readonly #all: FairSemaphore;
  readonly #unproven: FairSemaphore;
  readonly #hosts: LRUCache<string, FairSemaphore>;
  /** Answers that a known host owes for what it let run out of time; none = proven. */
  readonly #owed = new LRUCache<string, number>({ max: 1024 });

  constructor({ total, perHost }: { readonly total: number; readonly perHost: number }) {
    this.#perHost = perHost;
    this.#all = new FairSemaphore({ places: total, maxWaiting: MAX_WAITING });
    this.#unproven = new FairSemaphore({
      places: Math.ceil(total / 2),
      maxWaiting: MAX_WAITING,
      newestFirst: true,
    });
    // A host that falls out while it is in use starts anew, which loosens its own limit only.
    this.#hosts = new LRUCache<string, FairSemaphore>({
      max: 1024,
      memoMethod: (host) => new FairSemaphore({ places: this.#width(host), maxWaiting: MAX_WAITING }),
    });
  }

  isProven(host: string): boolean {
    return this.#owed.get(host) === 0;
  }

  /** The host is listed in the settings: it needs no first answer. What it owes, it owes all the same. */
  introduce(host: string): void {
    if (this.#owed.get(host) === undefined) this.#set(host, 0);
  }

  /** The host let a request run out of time. */
  timedOut(host: string): void {
    this.#set(host, Math.min(this.#perHost, (this.#owed.get(host) ?? 0) + 1));
  }

  /**
   * Does the work, which ends well if the host answered, in a place of it. Namespaces have their turns at a host, and hosts at all places.
   * @throws Fault TIMEOUT when the signal comes first; OVERLOADED when there is no room to wait
   */
  async run<T>({ host, namespace }: AskedFor, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const no = {
      late: () => timeoutFault(host),
      full: () =>
        new Fault('OVERLOADED', `too many requests to registry ${host} are waiting; try again in a moment`),
    };
    const inAll = () => this.#all.within(host, signal, no, work);
    // The host's own place first: a request that waits for a slow host must not hold a place that others could use.
    return this.#hosts.memo(host).within(namespace, signal, no, async () => {
      const isProven = this.isProven(host);
      const answer = await (isProven ? inAll() : this.#unproven.within(host, signal, no, inAll));
      this.#answered(host);
      return answer;
    });
  }

  #answered(host: string): void {
    const owed = this.#owed.get(host);
    if (owed !== 0) this.#set(host, Math.max(0, (owed ?? 1) - 1));
  }

  #set(host: string, owed: number): void {
    this.#owed.set(host, owed);
    this.#hosts.get(host)?.resize(this.#width(host));
  }

  #width(host: string): number {
    return this.isProven(host) ? this.#perHost : Math.min(FIRST_CONTACT_PLACES, this.#perHost);
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
