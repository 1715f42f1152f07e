import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseGoDuration, reviewMilliseconds } from '../../src/http/review-deadline.ts';

describe('a Go duration', () => {
  test.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['2m0.5s', 120_500],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['1000000ns', 1],
    ['0', 0],
    ['0s', 0],
  ])('%s', (text, milliseconds) => {
    expect(parseGoDuration(text)).toBeCloseTo(milliseconds, 9);
  });

  test.each([undefined, '', '10', '-1s', '1s ', 's', '1d', 'NaNs', '1e3s', '1s1', `${'9'.repeat(70)}s`])(
    'not one: %s',
    (text) => {
      expect(parseGoDuration(text)).toBeUndefined();
    },
  );
});

describe('the time for a review', () => {
  test.each([
    ['10s', 9_000],
    ['1s', 500],
    ['30s', 27_000],
    ['5m', 27_000],
    ['100ms', 0],
    [undefined, 9_000],
    ['soon', 9_000],
  ])('of %s is %d ms', (timeout, milliseconds) => {
    expect(reviewMilliseconds(timeout)).toBe(milliseconds);
  });

  test('whatever is asked, it ends before 30 s', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789.smhnuµ'.split('')), maxLength: 80 }),
        (text) => {
          const milliseconds = reviewMilliseconds(text);
          expect(milliseconds).toBeGreaterThanOrEqual(0);
          expect(milliseconds).toBeLessThanOrEqual(27_000);
        },
      ),
    );
  });
});
