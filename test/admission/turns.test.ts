import { describe, expect, test } from '@jest/globals';
import { LoopBudget } from '../../src/admission/turns.ts';

/** One budget of CPU for all reviews: what runs in which turn of the loop, by a clock and a loop that the test moves. */

class Loop {
  milliseconds = 0;
  turn = 0;
  readonly #callbacks: (() => void)[] = [];
  /** What ran, as `turn: name`. */
  readonly ran: string[] = [];

  readonly budget = new LoopBudget({
    now: () => this.milliseconds,
    nextTurn: (callback) => void this.#callbacks.push(callback),
  });

  /** A piece of work that takes so long. */
  piece(name: string, milliseconds = 2): () => string {
    return () => {
      this.ran.push(`${this.turn}: ${name}`);
      this.milliseconds += milliseconds;
      return name;
    };
  }

  async next(): Promise<void> {
    await settled();
    this.turn += 1;
    for (const callback of this.#callbacks.splice(0)) callback();
    await settled();
  }
}

/** Everything that only waits for promises has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const review = () => new AbortController();

describe('one budget for the process', () => {
  test('a hundred images at once have one slice in a turn, not one each', async () => {
    const loop = new Loop();
    const { signal } = review();
    const image = async (index: number) => {
      for (let step = 0; step < 3; step += 1) await loop.budget.run(signal, loop.piece(`${index}`));
    };
    const all = Promise.all(Array.from({ length: 100 }, (_, index) => image(index)));
    for (let turn = 0; loop.ran.length < 300; turn += 1) {
      const before = loop.milliseconds;
      await loop.next();
      expect(loop.milliseconds - before).toBeLessThanOrEqual(6);
      if (turn > 300) throw new Error('it does not end');
    }
    await all;
    expect(loop.turn).toBeGreaterThanOrEqual(99);
  });

  test('what fits into the turn runs at once, and nothing is put off', async () => {
    const loop = new Loop();
    const { signal } = review();
    expect(await loop.budget.run(signal, loop.piece('a'))).toBe('a');
    expect(await loop.budget.run(signal, loop.piece('b'))).toBe('b');
    expect(loop.ran).toEqual(['0: a', '0: b']);
  });

  test('reviews take turns, and each is served in its order', async () => {
    const loop = new Loop();
    const [large, small] = [review(), review()];
    await loop.budget.run(large.signal, loop.piece('first', 5));
    const waiting = ['l1', 'l2', 'l3'].map((name) => loop.budget.run(large.signal, loop.piece(name)));
    waiting.push(loop.budget.run(small.signal, loop.piece('s1')));
    await loop.next();
    await loop.next();
    await Promise.all(waiting);
    expect(loop.ran).toEqual(['0: first', '1: l1', '1: s1', '1: l2', '2: l3']);
  });

  test('an error of one piece is its own', async () => {
    const loop = new Loop();
    const { signal } = review();
    await loop.budget.run(signal, loop.piece('first', 5));
    const failing = loop.budget.run(signal, () => {
      throw new Error('bad piece');
    });
    const good = loop.budget.run(signal, loop.piece('good'));
    const outcomes = Promise.allSettled([failing, good]);
    await loop.next();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('the deadline', () => {
  test('ends what waits at once, and what other reviews wait for stays', async () => {
    const loop = new Loop();
    const [late, other] = [review(), review()];
    await loop.budget.run(other.signal, loop.piece('first', 5));
    const [a, b] = [late, other].map(({ signal }) => loop.budget.run(signal, loop.piece('next')));
    late.abort();
    expect(await a).toBeUndefined();
    await loop.next();
    expect(await b).toBe('next');
    expect(loop.ran).toEqual(['0: first', '1: next']);
    expect(await loop.budget.run(late.signal, loop.piece('after'))).toBeUndefined();
  });

  test('does not end what the answer needs', async () => {
    const loop = new Loop();
    const late = review();
    await loop.budget.run(late.signal, loop.piece('first', 5));
    const verdict = loop.budget.finish(late.signal, loop.piece('verdict'));
    late.abort();
    const after = loop.budget.finish(late.signal, loop.piece('after'));
    await loop.next();
    expect(await Promise.all([verdict, after])).toEqual(['verdict', 'after']);
    expect(loop.ran).toEqual(['0: first', '1: verdict', '1: after']);
  });
});
