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

interface Flight<T> {
  readonly answer: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
  readonly isProven: boolean;
}

/**
 * Concurrent calls for the same thing share one piece of work. It has a deadline of its own, so that the caller
 * who happened to come first cannot fail the others by giving up; it ends when the last of them has given up.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();
  #unproven = 0;
  readonly #max: number;
  readonly #milliseconds: number;
  readonly #stopped: AbortSignal;

  constructor(options: {
    readonly max: number;
    readonly milliseconds: number;
    readonly stopped: AbortSignal;
  }) {
    this.#max = options.max;
    this.#milliseconds = options.milliseconds;
    this.#stopped = options.stopped;
  }

  /**
   * Shares the work, started by this call when none is under way, and waits for it. A caller that does not give up
   * passes a signal that never aborts.
   * @param isProven false for a host that never answered yet: such hosts together have half of the places
   * @throws Fault OVERLOADED; whatever the work throws, or what `late` makes when the signal comes first
   */
  async run(
    key: string,
    caller: { readonly signal: AbortSignal; readonly late: () => Error; readonly isProven: boolean },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const flight = this.#flights.get(key) ?? this.#begin(key, caller.isProven, work);
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

  #begin(key: string, isProven: boolean, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    if (this.#flights.size >= this.#max || (!isProven && this.#unproven >= this.#max / 2)) {
      throw new Fault('OVERLOADED', 'too many look-ups in registries are under way; try again in a moment');
    }
    const abandoned = new AbortController();
    const deadline = AbortSignal.timeout(this.#milliseconds);
    const answer = work(AbortSignal.any([this.#stopped, deadline, abandoned.signal]));
    const flight = { answer, abandoned, waiting: 0, isProven };
    this.#flights.set(key, flight);
    if (!isProven) this.#unproven += 1;
    // Every caller may have given up by then; whoever still waits sees the error on the promise itself.
    answer.finally(() => this.#end(key, flight)).catch(() => {});
    return flight;
  }

  #end(key: string, flight: Flight<T>): void {
    // Given up, it may have a successor under the same key.
    if (this.#flights.get(key) !== flight) return;
    this.#flights.delete(key);
    if (!flight.isProven) this.#unproven -= 1;
  }
}
