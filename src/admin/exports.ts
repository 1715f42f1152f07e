import { ApiProblem } from './problem.ts';

/** Exports at once: each reads page after page for minutes, and pages of people come in between. */
const MAX_EXPORTS = 2;

/** Exports under way. */
export class Exports {
  #running = 0;

  /**
   * The same pieces, once it is known that there are any: what cannot be read is told by a status, and not by a file that breaks off.
   * @throws ApiProblem RATE_LIMITED; whatever the first pieces throw
   */
  async begin(
    pieces: AsyncGenerator<string, void>,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<string, void>> {
    if (this.#running >= MAX_EXPORTS) {
      const detail = `${MAX_EXPORTS} exports are under way: wait until one has ended.`;
      throw new ApiProblem('RATE_LIMITED', detail, { retryAfter: 30 });
    }
    this.#running += 1;
    let hasLeft = false;
    const leave = (): void => {
      if (!hasLeft) this.#running -= 1;
      hasLeft = true;
    };
    // Where nobody reads the stream it never comes to its end.
    signal.addEventListener('abort', leave, { once: true });
    try {
      // The heading comes from nowhere, and the second piece from the database.
      const first = [await pieces.next(), await pieces.next()];
      return this.#rest(first, pieces, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  async *#rest(
    first: readonly IteratorResult<string, void>[],
    pieces: AsyncGenerator<string, void>,
    leave: () => void,
  ): AsyncGenerator<string, void> {
    try {
      for (const { done, value } of first) {
        if (done === true) return;
        yield value;
      }
      yield* pieces;
    } finally {
      leave();
    }
  }
}
