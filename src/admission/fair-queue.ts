/** What waits, by who asked: one of each in turn, and first in first out for each. */
export class FairQueue<K, T> {
  /** In the order in which they are served. */
  readonly #queues = new Map<K, T[]>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /** @returns whether it is the first that waits for this one */
  push(key: K, item: T): boolean {
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, [item]);
    else queue.push(item);
    return queue === undefined;
  }

  /** The next, and whether nothing more waits for the same one. */
  shift(): { readonly key: K; readonly item: T; readonly isLast: boolean } | undefined {
    for (const [key, queue] of this.#queues) {
      this.#queues.delete(key);
      const item = queue.shift();
      if (item === undefined) continue;
      if (queue.length > 0) this.#queues.set(key, queue);
      return { key, item, isLast: queue.length === 0 };
    }
    return undefined;
  }

  /** Everything that waits for one. */
  take(key: K): readonly T[] {
    const queue = this.#queues.get(key) ?? [];
    this.#queues.delete(key);
    return queue;
  }
}
