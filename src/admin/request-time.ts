import type { Response } from 'express';
import { ApiProblem } from './problem.ts';

/** Milliseconds that one stream lives: whoever reads it comes again, and is asked again who they are. */
const STREAM_LIFE = 10 * 60_000;

/** How long one request may still take: until its deadline, until nobody waits any more, until its session ends. */
export class RequestTime {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;
  #isOver = false;
  #isClientGone = false;
  readonly #stops: (() => void)[] = [];

  /** @param deadline milliseconds from now */
  constructor(response: Response, deadline: number) {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#controller.abort(new DOMException('the time of the request is over', 'TimeoutError'));
    }, deadline);
    response.once('close', () => {
      if (response.writableFinished) return;
      this.#isClientGone = true;
      this.#controller.abort(new DOMException('the client went away', 'AbortError'));
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isClientGone(): boolean {
    return this.#isClientGone;
  }

  /** What a request ends in that was too slow. */
  problem(): ApiProblem | undefined {
    return this.#isOver
      ? new ApiProblem('TIMEOUT', 'It took too long, and was given up. Ask for less, or again.')
      : undefined;
  }

  endWith(ended: AbortSignal): void {
    const end = (): void => this.#controller.abort(ended.reason);
    ended.addEventListener('abort', end, { once: true });
    this.#stops.push(() => ended.removeEventListener('abort', end));
    if (ended.aborted) end();
  }

  /** From now on pieces are written: the deadline is that of a stream. */
  stream(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.abort(), STREAM_LIFE);
  }

  /** The work, or whatever ends the request first: a handler that does not listen to its signal holds nobody up. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const end = (): void => reject(this.signal.reason as Error);
    if (this.signal.aborted) end();
    this.signal.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.signal.removeEventListener('abort', end);
      // The one that lost may still fail: that was told already.
      promise.catch(() => undefined);
      work.catch(() => undefined);
    }
  }

  abort(): void {
    this.#controller.abort(new DOMException('the request has ended', 'AbortError'));
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }
}
