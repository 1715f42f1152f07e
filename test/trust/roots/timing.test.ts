import { expect, test } from '@jest/globals';
import { DEFAULT_TIMING, nextRefresh } from '../../../src/trust/roots/timing.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const delay = (failures: number, left: number | undefined, random: number): number =>
  nextRefresh({ failures, left, random }, DEFAULT_TIMING);

test('every six hours, give or take a tenth', () => {
  expect(delay(0, undefined, 0.5)).toBe(6 * HOUR);
  expect(delay(0, 7 * 24 * HOUR, 0)).toBeCloseTo(5.4 * HOUR);
  expect(delay(0, 7 * 24 * HOUR, 1)).toBeCloseTo(6.6 * HOUR);
});

test('after failures from a minute to an hour', () => {
  expect([1, 2, 3, 6, 7, 8, 1000].map((failures) => delay(failures, undefined, 1) / MINUTE)).toEqual([
    1, 2, 4, 32, 60, 60, 60,
  ]);
  expect(delay(1, undefined, 0)).toBe(MINUTE / 2);
});

test('earlier when the end comes near, but never in a busy loop', () => {
  expect(delay(0, 4 * HOUR, 0.5)).toBe(2 * HOUR);
  expect(delay(8, 30 * MINUTE, 1)).toBe(15 * MINUTE);
  expect(delay(0, 1000, 0.5)).toBe(MINUTE);
  expect(delay(0, -5 * HOUR, 0.5)).toBe(MINUTE);
});
