import type { FaultReason } from '../policy/verdict.ts';
import { FairQueue } from './fair-queue.ts';

/**
 * Milliseconds of work in one turn of the event loop, all reviews together: a warm answer waits for no more than this and the piece
 * that is under way.
 */
const TURN_MILLISECONDS = 5;

export interface TurnClock {
  /** Milliseconds, ascending. */
  readonly now: () => number;
  /** Calls back in the next turn of the event loop. */
  readonly nextTurn: (callback: () => void) => void;
}

const LOOP: TurnClock = { now: () => performance.now(), nextTurn: (callback) => void setImmediate(callback) };

interface Waiting {
  readonly run: () => void;
  /** Undefined where it runs even then. */
  readonly expire: (() => void) | undefined;
}

/**
 * Shares one event loop among reviews. Each gives its work in pieces; while there is time left in this turn a piece runs at once, else
 * it waits, and the reviews take turns.
 */
export class LoopBudget {
  readonly #clock: TurnClock;
  readonly #waiting = new FairQueue<AbortSignal, Waiting>();
  readonly #listeners = new Map<AbortSignal, () => void>();
  /** Milliseconds of this turn. */
  #used = 0;
  #isTurnPlanned = false;

  constructor(clock: TurnClock = LOOP) {
    this.#clock = clock;
  }

  /**
   * Runs one piece of work: some milliseconds of CPU, and no waiting.
   * @param review the signal of the review that it belongs to
   * @returns undefined when the deadline of the review came first: the piece is not run
   */
  async run<T>(review: AbortSignal, piece: () => T): Promise<T | undefined> {
    if (review.aborted) return undefined;
    return this.#mayRun() ? this.#timed(piece) : this.#queued(review, piece, true);
  }

  /** The same for work that an answer needs, whether or not the deadline has passed. */
  async finish<T>(review: AbortSignal, piece: () => T): Promise<T> {
    return this.#mayRun() ? this.#timed(piece) : (this.#queued(review, piece, false) as Promise<T>);
  }

  #mayRun(): boolean {
    return this.#waiting.isEmpty && this.#used < TURN_MILLISECONDS;
  }

  #timed<T>(piece: () => T): T {
    this.#planTurn();
    const began = this.#clock.now();
    try {
      return piece();
    } finally {
      this.#used += this.#clock.now() - began;
    }
  }

  #queued<T>(review: AbortSignal, piece: () => T, mayExpire: boolean): Promise<T | undefined> {
    this.#planTurn();
    return new Promise<T | undefined>((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(this.#timed(piece));
        } catch (error) {
          reject(error as Error);
        }
      };
      const expire = mayExpire ? () => resolve(undefined) : undefined;
      if (this.#waiting.push(review, { run, expire }) && !review.aborted) this.#listen(review);
    });
  }

  #listen(review: AbortSignal): void {
    const onAbort = (): void => this.#expire(review);
    this.#listeners.set(review, onAbort);
    review.addEventListener('abort', onAbort, { once: true });
  }

  #unlisten(review: AbortSignal): void {
    const listener = this.#listeners.get(review);
    this.#listeners.delete(review);
    if (listener !== undefined) review.removeEventListener('abort', listener);
  }

  #expire(review: AbortSignal): void {
    this.#listeners.delete(review);
    for (const waiting of this.#waiting.take(review)) {
      if (waiting.expire === undefined) this.#waiting.push(review, waiting);
      else waiting.expire();
    }
  }

  #planTurn(): void {
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    this.#clock.nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnPlanned = false;
    this.#used = 0;
    while (this.#used < TURN_MILLISECONDS) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.isLast) this.#unlisten(next.key);
      next.item.run();
    }
    this.#planTurn();
  }
}

/** One for each thread, as there is one event loop. */
export const loopBudget = new LoopBudget();

/** The work of one review on what was found for one digest: it ends at the deadline, and then says so. */
export class Turns {
  readonly #signal: AbortSignal;
  readonly #faults: FaultReason[];
  #isOver = false;

  /** @param faults gets the time-out, once the deadline has passed */
  constructor(signal: AbortSignal, faults: FaultReason[]) {
    this.#signal = signal;
    this.#faults = faults;
  }

  /** @returns undefined when the deadline came first: the fault is then among the others */
  async run<T>(piece: () => T): Promise<T | undefined> {
    const result = await loopBudget.run(this.#signal, piece);
    if (result === undefined) this.end();
    return result;
  }

  /** Notes that the deadline has passed. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#faults.push({ code: 'TIMEOUT', detail: 'the deadline passed before every signature was verified' });
  }
}
