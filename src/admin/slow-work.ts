import { ApiProblem } from './problem.ts';

/** How many times as long as a piece of work took the thread is left to others after it. */
const REST = 4;
/** Pieces that wait. */
const MAX_WAITING = 32;

/**
 * Work that holds the only thread for up to some 0.1 s, and that strangers can ask for: one piece after the other, with a rest after each,
 * so that all of it together never takes more than a fifth of the time from admissions (attack G14).
 */
export class SlowWork {
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** @throws ApiProblem UNAVAILABLE when too many wait; the signal's reason; whatever the work throws */
  async run<T>(signal: AbortSignal, work: () => T): Promise<T> {
    if (this.#waiting >= MAX_WAITING)
      throw new ApiProblem('UNAVAILABLE', 'Too many documents are being read at once.', { retryAfter: 5 });
    const turn = this.#last;
    const rest = Promise.withResolvers<void>();
    this.#last = rest.promise;
    this.#waiting += 1;
    await turn;
    this.#waiting -= 1;
    const began = performance.now();
    try {
      signal.throwIfAborted();
      return work();
    } finally {
      setTimeout(rest.resolve, (performance.now() - began) * REST);
    }
  }
}
