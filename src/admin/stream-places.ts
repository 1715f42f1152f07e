import { ApiProblem } from './problem.ts';

export interface StreamLimits {
  readonly total: number;
  readonly perCaller: number;
}

/** A page has one, and is open in a few tabs. */
export const STREAM_LIMITS: StreamLimits = { total: 64, perCaller: 12 };

/** How many answers are being streamed at once: each holds a connection and what its reader has not read yet. */
export class StreamPlaces {
  readonly #limits: StreamLimits;
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(limits: StreamLimits = STREAM_LIMITS) {
    this.#limits = limits;
  }

  /** @returns how to leave @throws ApiProblem RATE_LIMITED or UNAVAILABLE */
  enter(caller: string): () => void {
    const own = this.#taken.get(caller) ?? 0;
    if (own >= this.#limits.perCaller)
      throw new ApiProblem('RATE_LIMITED', 'You have too many streams open: close one.', { retryAfter: 5 });
    if (this.#total >= this.#limits.total)
      throw new ApiProblem('UNAVAILABLE', 'Too many streams are open.', { retryAfter: 5 });
    this.#total += 1;
    this.#taken.set(caller, own + 1);
    return () => this.#leave(caller);
  }

  #leave(caller: string): void {
    this.#total -= 1;
    const left = (this.#taken.get(caller) ?? 1) - 1;
    if (left === 0) this.#taken.delete(caller);
    else this.#taken.set(caller, left);
  }
}
