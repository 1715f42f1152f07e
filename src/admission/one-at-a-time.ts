import { FairQueue } from './fair-queue.ts';

/** Runs one job after another, and the reviews take turns. What one of them started ends, whether or not its caller still waits. */
export class OneAtATime {
  readonly #waiting = new FairQueue<AbortSignal, () => Promise<void>>();
  #isBusy = false;

  /** @returns undefined when the review's deadline came first; a job that did not begin by then never does */
  run<T>(review: AbortSignal, job: () => Promise<T>): Promise<T | undefined> {
    if (review.aborted) return Promise.resolve(undefined);
    return new Promise<T | undefined>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.take(review);
        resolve(undefined);
      };
      review.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(review, async () => {
        try {
          resolve(await job());
        } catch (error) {
          reject(error as Error);
        } finally {
          review.removeEventListener('abort', onAbort);
        }
      });
      void this.#next();
    });
  }

  async #next(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await next.item();
    }
    this.#isBusy = false;
  }
}
