import { Fault } from '../errors.ts';

/**
 * Waits for shared work as long as this caller wants to; the work itself goes on.
 * @throws whatever the work throws, or what `late` makes when the signal comes first
 */
export async function raced<T>(work: Promise<T>, signal: AbortSignal, late: () => Error): Promise<T> {
  if (signal.aborted) throw late();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(late());
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Concurrent calls for the same thing share one piece of work. It has a deadline of its own, so that the caller
 * who happened to come first cannot fail the others by giving up.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>();
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

  /** The work under way for a key, started by this call when there is none. @throws Fault OVERLOADED */
  share(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    if (this.#flights.size >= this.#max) {
      throw new Fault('OVERLOADED', 'too many look-ups in registries are under way; try again in a moment');
    }
    const signal = AbortSignal.any([this.#stopped, AbortSignal.timeout(this.#milliseconds)]);
    const flight = work(signal).finally(() => this.#flights.delete(key));
    // Every caller may have given up by then; whoever still waits sees the error on the promise itself.
    flight.catch(() => {});
    this.#flights.set(key, flight);
    return flight;
  }

  /** Shares the work and waits for it. */
  run(
    key: string,
    signal: AbortSignal,
    late: () => Error,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return raced(this.share(key, work), signal, late);
  }
}
