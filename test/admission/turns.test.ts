import { describe, expect, test } from '@jest/globals';
import { LoopBudget, Turns } from '../../src/admission/turns.ts';
import type { FaultReason } from '../../src/policy/verdict.ts';

/** An event loop of the test's own: work takes what it says, and turns come when the test lets them. */
function loop() {
  let now = 0;
  const turns: (() => void)[] = [];
  const budget = new LoopBudget({ now: () => now, nextTurn: (callback) => void turns.push(callback) });
  const done: string[] = [];
  const piece = (name: string, milliseconds = 2) => {
    return () => {
      now += milliseconds;
      done.push(name);
      return name;
    };
  };
  /** Lets one turn happen. @returns what was done in it */
  const turn = (): readonly string[] => {
    const before = done.length;
    turns.shift()?.();
    return done.slice(before);
  };
  return { budget, piece, done, turn, turns };
}

const never = () => new AbortController().signal;

describe('the event loop is shared by all reviews', () => {
  test('100 reviews of 50 pieces each take no more of one turn than one review does', async () => {
    const { budget, piece, done, turn } = loop();
    const reviews = Array.from({ length: 100 }, never);
    const work = reviews.flatMap((review, index) =>
      Array.from({ length: 50 }, () => budget.run(review, piece(`r${index}`))),
    );
    // The rest of this turn: 5 ms, and the piece that is under way when they end.
    expect(done).toHaveLength(3);
    let longest = 0;
    for (let more = turn(); more.length > 0; more = turn()) longest = Math.max(longest, more.length);
    expect(longest).toBe(3);
    await Promise.all(work);
    expect(done).toHaveLength(5_000);
  });

  test('reviews take turns: the last one does not wait for all pieces of the first', async () => {
    const { budget, piece, turn } = loop();
    const [large, small] = [never(), never()];
    const work = Array.from({ length: 30 }, () => budget.run(large, piece('large')));
    work.push(budget.run(small, piece('small')));
    const order: string[] = [];
    for (let more = turn(); more.length > 0; more = turn()) order.push(...more);
    expect(order.indexOf('small')).toBeLessThan(2);
    expect(order.filter((name) => name === 'large')).toHaveLength(27);
    await Promise.all(work);
  });

  test('a piece that waits ends with its review, except where an answer needs it', async () => {
    const { budget, piece, done, turn } = loop();
    const review = new AbortController();
    const others = Array.from({ length: 3 }, () => budget.run(never(), piece('other')));
    const [waiting, needed] = [
      budget.run(review.signal, piece('waiting')),
      budget.finish(review.signal, piece('needed')),
    ];
    review.abort();
    expect(await waiting).toBeUndefined();
    expect(await budget.run(review.signal, piece('too late'))).toBeUndefined();
    while (turn().length > 0);
    expect(await needed).toBe('needed');
    await Promise.all(others);
    expect(done).toEqual(['other', 'other', 'other', 'needed']);
  });

  test('what a piece throws reaches who gave it, at once or after waiting, and the others go on', async () => {
    const { budget, piece, turn } = loop();
    const fails = () => {
      throw new Error('broken');
    };
    await expect(budget.run(never(), fails)).rejects.toThrow('broken');
    const work = Array.from({ length: 3 }, () => budget.run(never(), piece('work')));
    const [failing, next] = [budget.run(never(), fails), budget.run(never(), piece('next'))];
    const failed = expect(failing).rejects.toThrow('broken');
    while (turn().length > 0);
    await failed;
    expect(await next).toBe('next');
    await Promise.all(work);
  });

  test('the deadline of a review is said once', async () => {
    const faults: FaultReason[] = [];
    const review = new AbortController();
    const turns = new Turns(review.signal, faults);
    expect(await turns.run(() => 'in time')).toBe('in time');
    expect(faults).toEqual([]);
    review.abort();
    expect(await turns.run(() => 'late')).toBeUndefined();
    expect(await turns.run(() => 'late')).toBeUndefined();
    expect(faults.map(({ code }) => code)).toEqual(['TIMEOUT']);
  });
});
