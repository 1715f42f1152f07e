import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseYamlBody } from '../../src/admin/yaml-body.ts';
import { SlowWork } from '../../src/admin/slow-work.ts';
import { LIMITS } from '../../src/limits.ts';

const live = new AbortController().signal;

/** Holds the thread. @returns when it began and ended */
function work(milliseconds: number): { readonly began: number; readonly ended: number } {
  const began = performance.now();
  while (performance.now() - began < milliseconds);
  return { began, ended: performance.now() };
}

describe('G14: documents that somebody sends leave the thread to admissions', () => {
  test('four fifths of the time belong to others, however many come at once', async () => {
    const slowly = new SlowWork();
    const pieces = await Promise.all(Array.from({ length: 5 }, () => slowly.run(live, () => work(10))));
    for (const [index, { began, ended }] of pieces.slice(0, -1).entries()) {
      // Timers count whole milliseconds.
      expect((pieces[index + 1]?.began ?? 0) - ended).toBeGreaterThan((ended - began) * 4 - 2);
    }
  });

  test('what fails or was given up holds nobody up, and is not done', async () => {
    const slowly = new SlowWork();
    const gone = new AbortController();
    const first = slowly.run(live, () => work(20));
    const failing = slowly.run(live, () => {
      throw new TypeError('bad');
    });
    const done: string[] = [];
    const given = slowly.run(gone.signal, () => done.push('given up'));
    const last = slowly.run(live, () => done.push('last'));
    gone.abort(new Error('the client went away'));
    await first;
    await expect(failing).rejects.toThrow('bad');
    await expect(given).rejects.toThrow('the client went away');
    await last;
    expect(done).toEqual(['last']);
  });

  test('more than so many do not wait', async () => {
    const slowly = new SlowWork();
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => slowly.run(live, () => 1)));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    await sleep(5);
    await expect(slowly.run(live, () => 2)).resolves.toBe(2);
  });

  test('YAML has far fewer words than a file of policies may have', () => {
    const list = (length: number) => `[${Array.from({ length }, () => '[]').join(',')}]`;
    expect(parseYamlBody(list(1000))).toHaveLength(1000);
    expect(LIMITS.documentTokens).toBeLessThanOrEqual(LIMITS.policyFileTokens / 10);
    expect(() => parseYamlBody(list(LIMITS.documentTokens / 3 + 1))).toThrow(/has more than 20000 words/);
  });
});
