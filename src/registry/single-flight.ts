import { FairSemaphore } from '../async/fair-semaphore.ts';
import { Fault } from '../errors.ts';

/**
 * Waits for shared work as long as this caller wants to; the work itself goes on.
 * @throws whatever the work throws, or what `late` makes when the signal comes first
 */
export async function raced<T>(work: Promise<T>, signal: AbortSignal, late: () => Error): Promise<T> {
  if (signal.aborted) {
    // It was begun all the same, and nobody else may be listening to how it fails.
    work.catch(() => {});
    throw late();
  }
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(late());
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Why a signal is aborted whose work nobody waits for any more. */
export const ABANDONED = new Error('nobody waits for this any more');

/** Who waits for a piece of shared work. */
export interface FlightCaller {
  readonly signal: AbortSignal;
  /** What is thrown when the signal comes first. */
  readonly late: () => Error;
  /** False for a host that never answered yet: such hosts together have half of the places. */
  readonly isProven: boolean;
  /** On whose behalf, for a fair share of the places; empty = the installation's own. */
  readonly namespace: string;
}

interface Flight<T> {
  readonly answer: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
}

/** Pieces of work that may wait for a place, some 2 KB each; far more than are done within a deadline. */
const MAX_WAITING = 32_768;

/**
 * Concurrent calls for the same thing share one piece of work. It has a deadline of its own, so that the caller
 * who happened to come first cannot fail the others by giving up; it ends when the last of them has given up. No more than a
 * bounded number are done at once; the others wait, fair between the namespaces that they were begun for.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();
  readonly #all: FairSemaphore;
  readonly #unproven: FairSemaphore;
  readonly #milliseconds: number;
  readonly #stopped: AbortSignal;

  constructor(options: {
    /** Pieces of work at once. */
    readonly max: number;
    readonly milliseconds: number;
    readonly stopped: AbortSignal;
  }) {
    this.#all = new FairSemaphore({ places: options.max, maxWaiting: MAX_WAITING });
    this.#unproven = new FairSemaphore({ places: Math.ceil(options.max / 2), maxWaiting: MAX_WAITING });
    this.#milliseconds = options.milliseconds;
    this.#stopped = options.stopped;
  }

  /**
   * Shares the work, started by this call when none is under way, and waits for it. A caller that does not give up
   * passes a signal that never aborts.
   * @throws Fault OVERLOADED when there is no room to wait; whatever the work throws, or what `late` makes when the signal comes first
   */
  async run(key: string, caller: FlightCaller, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const flight = this.#flights.get(key) ?? this.#begin(key, caller, work);
    flight.waiting += 1;
    try {
      return await raced(flight.answer, caller.signal, caller.late);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        this.#end(key, flight);
        flight.abandoned.abort(ABANDONED);
      }
    }
  }

  #begin(
    key: string,
    { isProven, namespace, late }: FlightCaller,
    work: (signal: AbortSignal) => Promise<T>,
  ): Flight<T> {
    const abandoned = new AbortController();
    const deadline = AbortSignal.timeout(this.#milliseconds);
    const signal = AbortSignal.any([this.#stopped, deadline, abandoned.signal]);
    const no = { late, full: overloaded };
    const inAll = () => this.#all.within(namespace, signal, no, () => work(signal));
    const answer = isProven ? inAll() : this.#unproven.within(namespace, signal, no, inAll);
    const flight = { answer, abandoned, waiting: 0 };
    this.#flights.set(key, flight);
    // Every caller may have given up by then; a caller that still waits sees the error on the promise itself.
    answer.finally(() => this.#end(key, flight)).catch(() => {});
    return flight;
  }

  #end(key: string, flight: Flight<T>): void {
    // Given up, it may have a successor under the same key.
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

function overloaded(): Fault {
  return new Fault('OVERLOADED', 'too many look-ups in registries are waiting; try again in a moment');
}
