import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { FairSemaphore, type FairSemaphoreOptions } from '../../src/async/fair-semaphore.ts';

const no = { late: () => new Error('late'), full: () => new Error('full') };
const never = new AbortController().signal;

/** A semaphore, who was let in by name, and how each leaves. */
function rig(options: FairSemaphoreOptions) {
  const semaphore = new FairSemaphore(options);
  const inside: string[] = [];
  const leave: (() => void)[] = [];
  const enter = (key: string, name: string, signal = never) =>
    semaphore
      .within(key, signal, no, () => {
        inside.push(name);
        return new Promise<string>((resolve) => leave.push(() => resolve(name)));
      })
      .catch((error: Error) => error.message);
  /** One leaves after the other, until all who waited have been inside. */
  const drain = async () => {
    await turn();
    for (let next = leave.shift(); next !== undefined; next = leave.shift()) {
      next();
      await turn();
    }
  };
  return { semaphore, inside, enter, drain };
}

describe('a fair semaphore', () => {
  test('lets keys in by turns, and each in its order', async () => {
    const { inside, enter, drain } = rig({ places: 1, maxWaiting: 100 });
    for (const name of ['a1', 'a2', 'a3', 'a4']) void enter('a', name);
    for (const name of ['b1', 'b2']) void enter('b', name);
    void enter('c', 'c1');
    await drain();
    expect(inside).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  test('with the newest first, who came last is next', async () => {
    const { inside, enter, drain } = rig({ places: 1, maxWaiting: 100, newestFirst: true });
    for (const key of ['a', 'b', 'c', 'd']) void enter(key, key);
    await drain();
    expect(inside).toEqual(['a', 'd', 'c', 'b']);
  });

  test('full: the longest line loses its last, the others lose nothing', async () => {
    const { semaphore, enter, drain } = rig({ places: 1, maxWaiting: 4 });
    const outcomes = [enter('noisy', 'n0')];
    for (const name of ['n1', 'n2', 'n3']) outcomes.push(enter('noisy', name));
    outcomes.push(enter('quiet', 'q1'));
    expect(semaphore.waiting).toBe(4);
    outcomes.push(enter('quiet', 'q2'));
    expect(semaphore.waiting).toBe(4);
    await drain();
    expect(await Promise.all(outcomes)).toEqual(['n0', 'n1', 'n2', 'full', 'q1', 'q2']);
  });

  test('full with the newest first: the oldest is refused', async () => {
    const { enter, drain } = rig({ places: 1, maxWaiting: 2, newestFirst: true });
    const outcomes = ['a', 'b', 'c', 'd'].map((key) => enter(key, key));
    await drain();
    expect(await Promise.all(outcomes)).toEqual(['a', 'full', 'c', 'd']);
  });

  test('who gives up leaves the line and no listener; who comes too late does not enter', async () => {
    const { semaphore, inside, enter, drain } = rig({ places: 1, maxWaiting: 4 });
    const given = new AbortController();
    const outcomes = [enter('a', 'a1'), enter('a', 'a2', given.signal), enter('b', 'b1', given.signal)];
    expect(semaphore.waiting).toBe(2);
    given.abort();
    expect(semaphore.waiting).toBe(0);
    outcomes.push(enter('a', 'a3', given.signal));
    await drain();
    expect(await Promise.all(outcomes)).toEqual(['a1', 'late', 'late', 'late']);
    expect(inside).toEqual(['a1']);
    const after = new AbortController();
    const last = [enter('a', 'a4'), enter('a', 'a5', after.signal)];
    await drain();
    expect(await Promise.all(last)).toEqual(['a4', 'a5']);
    expect(getEventListeners(after.signal, 'abort')).toHaveLength(0);
  });

  test('work that fails gives its place back, and more places let more in', async () => {
    const semaphore = new FairSemaphore({ places: 1, maxWaiting: 4 });
    const failing = () => Promise.reject(new Error('failed'));
    await expect(semaphore.within('a', never, no, failing)).rejects.toThrow('failed');
    const { semaphore: wide, inside, enter } = rig({ places: 0, maxWaiting: 4 });
    for (const name of ['a1', 'a2', 'a3']) void enter('a', name);
    await turn();
    expect(inside).toEqual([]);
    wide.resize(2);
    await turn();
    expect(inside).toEqual(['a1', 'a2']);
  });
});
