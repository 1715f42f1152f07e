/** What a caller is told that gets no place. */
export interface NoPlace {
  /** Its signal came first. */
  readonly late: () => Error;
  /** More wait than there is room for. */
  readonly full: () => Error;
}

export interface FairSemaphoreOptions {
  /** How many are inside at once. */
  readonly places: number;
  /** How many may wait: a bound on memory, far above what is answered within a deadline. */
  readonly maxWaiting: number;
  /** The key that began to wait last goes first, and the oldest is refused: for crowds that stay. */
  readonly newestFirst?: boolean;
}

interface Waiting {
  enter(): void;
  refuse(error: Error): void;
}

/**
 * A semaphore whose waiting line is fair between keys (namespaces, hosts): each key in turn lets one in, first come first served
 * within it. Waiting ends with the caller's signal. When too many wait, the key with the longest line loses the one that came last.
 */
export class FairSemaphore {
  #places: number;
  #taken = 0;
  #size = 0;
  readonly #maxWaiting: number;
  readonly #newestFirst: boolean;
  /** By key, in the order of their turns. No line is empty. */
  readonly #lines = new Map<string, Map<Waiting, NoPlace>>();

  constructor({ places, maxWaiting, newestFirst = false }: FairSemaphoreOptions) {
    this.#places = places;
    this.#maxWaiting = maxWaiting;
    this.#newestFirst = newestFirst;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#size;
  }

  /**
   * Does the work in a place; at once, before this call returns, where one is free.
   * @throws what `no` makes where there is none in time; whatever the work throws
   */
  within<T>(key: string, signal: AbortSignal, no: NoPlace, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(no.late());
    if (this.#taken >= this.#places) return this.#wait(key, signal, no).then(() => this.#inside(work));
    this.#taken += 1;
    return this.#inside(work);
  }

  async #inside<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#taken -= 1;
      this.#letIn();
    }
  }

  /** From now on there are so many places; a place that is taken stays taken until its work ends. */
  resize(places: number): void {
    this.#places = places;
    this.#letIn();
  }

  async #wait(key: string, signal: AbortSignal, no: NoPlace): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const own: Waiting = { enter: resolve, refuse: reject };
    const line = this.#lines.get(key) ?? new Map<Waiting, NoPlace>();
    this.#lines.set(key, line.set(own, no));
    this.#size += 1;
    if (this.#size > this.#maxWaiting) this.#refuseOne();
    const leave = () => {
      if (this.#remove(key, own)) reject(no.late());
    };
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #letIn(): void {
    while (this.#taken < this.#places) {
      const key = this.#newestFirst ? [...this.#lines.keys()].at(-1) : first(this.#lines)?.[0];
      if (key === undefined) return;
      const line = this.#lines.get(key);
      const next = first(line)?.[0];
      if (line === undefined || next === undefined) return;
      this.#remove(key, next);
      // To the end of the round: the others have their turn first.
      if (this.#lines.delete(key)) this.#lines.set(key, line);
      this.#taken += 1;
      next.enter();
    }
  }

  #refuseOne(): void {
    const longest = this.#newestFirst
      ? first(this.#lines)
      : [...this.#lines].reduce((most, each) => (each[1].size > most[1].size ? each : most));
    if (longest === undefined) return;
    const [key, line] = longest;
    const refused = this.#newestFirst ? first(line) : [...line].at(-1);
    if (refused === undefined) return;
    this.#remove(key, refused[0]);
    refused[0].refuse(refused[1].full());
  }

  #remove(key: string, waiting: Waiting): boolean {
    const line = this.#lines.get(key);
    if (line?.delete(waiting) !== true) return false;
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(key);
    return true;
  }
}

function first<K, V>(map: ReadonlyMap<K, V> | undefined): readonly [K, V] | undefined {
  for (const entry of map ?? []) return entry;
  return undefined;
}
