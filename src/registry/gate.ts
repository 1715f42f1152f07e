import { LRUCache } from 'lru-cache';
import { Fault } from '../errors.ts';
import { timeoutFault } from './faults.ts';

/** Waiting requests per place: enough for the pieces of a few images, few enough to be answered in a review's time. */
const QUEUE_PER_PLACE = 16;

/**
 * Places of a host that has not answered yet: the referrers API, the fallback tag and cosign's two tags are asked at once,
 * so the first contact costs no round trip more than any other.
 */
const FIRST_CONTACT_PLACES = 4;

interface Waiting {
  enter(): void;
  refuse(error: Fault): void;
}

/**
 * Lets so many in at once, and no more than a bounded number wait. They wait in order, and one too many is refused; or
 * the newest goes first and the oldest is refused, so that a crowd which stays does not keep out who comes after it.
 */
class Places {
  #places: number;
  #taken = 0;
  readonly #maxWaiting: number;
  readonly #newestFirst: boolean;
  readonly #waiting = new Set<Waiting>();

  constructor(places: number, maxWaiting: number, newestFirst = false) {
    this.#places = places;
    this.#maxWaiting = maxWaiting;
    this.#newestFirst = newestFirst;
  }

  /** Does the work in a place. @throws Fault OVERLOADED or TIMEOUT when there is none in time */
  async within<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(host, signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** From now on there are so many places; who has one keeps it. */
  resize(places: number): void {
    this.#places = places;
    this.#letIn();
  }

  async #enter(host: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw timeoutFault(host);
    if (this.#taken < this.#places) {
      this.#taken += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const own: Waiting = { enter: resolve, refuse: reject };
    this.#waiting.add(own);
    if (this.#waiting.size > this.#maxWaiting) this.#refuse(this.#newestFirst ? this.#oldest() : own, host);
    const leave = () => {
      this.#waiting.delete(own);
      reject(timeoutFault(host));
    };
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #refuse(waiting: Waiting | undefined, host: string): void {
    if (waiting === undefined) return;
    this.#waiting.delete(waiting);
    waiting.refuse(
      new Fault('OVERLOADED', `too many requests to registry ${host} are waiting; try again in a moment`),
    );
  }

  #leave(): void {
    this.#taken -= 1;
    this.#letIn();
  }

  #letIn(): void {
    while (this.#taken < this.#places) {
      const next = this.#newestFirst ? [...this.#waiting].at(-1) : this.#oldest();
      if (next === undefined) return;
      this.#waiting.delete(next);
      this.#taken += 1;
      next.enter();
    }
  }

  #oldest(): Waiting | undefined {
    for (const waiting of this.#waiting) return waiting;
    return undefined;
  }
}

/**
 * Bounds the requests under way: to each host, and in all. A host is proven once it has answered; before that it has a
 * few places, and all such hosts together have half of the places: names of hosts that nobody is behind cost nothing to
 * make, and must not stop the look-ups at those that work. A host that lets a request run out of time, whoever lists it,
 * is as good as unproven until it has answered as often again: one that answers once and then hangs holds few places.
 */
export class Gate {
  readonly #perHost: number;
  readonly #all: Places;
  readonly #unproven: Places;
  readonly #hosts: LRUCache<string, Places>;
  /** Answers that a known host owes for what it let run out of time; none = proven. */
  readonly #owed = new LRUCache<string, number>({ max: 1024 });

  constructor({
    total,
    perHost,
    waitingPerPlace = QUEUE_PER_PLACE,
  }: {
    readonly total: number;
    readonly perHost: number;
    readonly waitingPerPlace?: number;
  }) {
    const half = Math.ceil(total / 2);
    this.#perHost = perHost;
    this.#all = new Places(total, total * waitingPerPlace);
    this.#unproven = new Places(half, half * waitingPerPlace, true);
    // A host that falls out while it is in use starts anew, which loosens its own limit only.
    this.#hosts = new LRUCache<string, Places>({
      max: 1024,
      memoMethod: (host) => new Places(this.#width(host), perHost * waitingPerPlace),
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

  /** Does the work, which ends well if the host answered, in a place of it. @throws Fault OVERLOADED or TIMEOUT when there is none in time */
  async run<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const inAll = () => this.#all.within(host, signal, work);
    // The host's own place first: whoever waits for a slow host must not hold a place that others could use.
    return this.#hosts.memo(host).within(host, signal, async () => {
      const answer = await (this.isProven(host) ? inAll() : this.#unproven.within(host, signal, inAll));
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
