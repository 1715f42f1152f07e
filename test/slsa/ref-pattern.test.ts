import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '../../src/errors.ts';
import { parseBranchPattern, parseRefPattern, parseTagPattern } from '../../src/slsa/ref-pattern.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

const RUNS = { numRuns: 1000, seed: 20261122 };

describe('B11: refs are matched whole', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    [
      'refs/tags/v1',
      ['refs/tags/v1'],
      [
        'refs/tags/v10',
        'refs/tags/v1.0',
        'refs/heads/v1',
        'refs/tags/V1',
        'v1',
        '',
        'refs/heads/refs/tags/v1',
        'refs/tags/v1\n',
      ],
    ],
    [
      'refs/tags/v2.*',
      ['refs/tags/v2.0.0', 'refs/tags/v2.', 'refs/tags/v2.1.0-rc1'],
      [
        'refs/tags/v20',
        'refs/tags/v2',
        'refs/heads/v2.0.0',
        'refs/tags/v2.0/x',
        'refs/tags/v2.1.0@evil',
        'xrefs/tags/v2.0.0',
      ],
    ],
    ['refs/heads/*-app-*', ['refs/heads/a-app-b'], ['refs/heads/a-app', 'refs/heads/x/a-app-b']],
    [
      '>=2.0.0 <3',
      ['refs/tags/v2.0.0', 'refs/tags/2.99.1'],
      [
        'refs/tags/v1.9.9',
        'refs/tags/v3.0.0',
        'refs/tags/v2',
        'refs/tags/v2.0',
        'refs/tags/v2.1.0-rc1',
        'refs/tags/v2.1.0+x',
        'refs/tags/v02.1.0',
        'refs/heads/v2.0.0',
        'v2.0.0',
        'refs/tags/v2.0.0.0',
      ],
    ],
    ['=1.2.3', ['refs/tags/v1.2.3'], ['refs/tags/v1.2.4']],
    ['>1.2 <=1.4', ['refs/tags/v1.2.1', 'refs/tags/v1.4.0'], ['refs/tags/v1.2.0', 'refs/tags/v1.4.1']],
  ])('%s', (source, good, bad) => {
    const pattern = parseRefPattern(source);
    expect(good.filter((ref) => !pattern.matches(ref))).toEqual([]);
    expect(bad.filter((ref) => pattern.matches(ref))).toEqual([]);
  });

  test('what stands before and after a star does not overlap, and a range is over tags alone', () => {
    expect(parseRefPattern('refs/tags/v11*1').matches('refs/tags/v111')).toBe(true);
    expect(parseRefPattern('refs/tags/v11*1').matches('refs/tags/v11')).toBe(false);
    expect(parseRefPattern('>=1').matches('refs/tags/v1.0.0')).toBe(true);
    expect(parseRefPattern('>=1').matches('refs/head/v1.0.0')).toBe(false);
  });

  test('branches and tags by name are not each other', () => {
    const branch = parseBranchPattern('release/*');
    expect(branch.matches('refs/heads/release/1')).toBe(true);
    expect(branch.matches('refs/tags/release/1')).toBe(false);
    const tag = parseTagPattern('v1');
    expect(tag.matches('refs/tags/v1')).toBe(true);
    expect(tag.matches('refs/heads/v1')).toBe(false);
    expect(tag.matches('refs/heads/refs/tags/v1')).toBe(false);
    expect(parseTagPattern('>=1').matches('refs/tags/v1.0.0')).toBe(true);
    expect(() => parseBranchPattern('refs/heads/main')).toThrow(Refusal);
    expect(() => parseTagPattern('refs/tags/v1')).toThrow(Refusal);
  });

  test.each(['', 'refs/tags/**', 'a**b', '*a*b*c*d*e*f*g*h*i', 'x'.repeat(2049)])(
    '%s is no pattern',
    (source) => {
      expect(() => parseRefPattern(source)).toThrow(Refusal);
    },
  );

  test.each(['>=', '>=1.0.0 || <2', '>=1.x', '> 1', '>=01.0.0', '>=1 '.repeat(9)])(
    '%s is no range',
    (source) => {
      expect(() => parseRefPattern(source)).toThrow(Refusal);
      expect(() => parseTagPattern(source)).toThrow(Refusal);
    },
  );
});

describe('whatever pattern and ref', () => {
  const pattern = fc
    .stringMatching(/^[ab/@.]{0,4}(\*[ab/@.]{1,3}){0,4}\*?$/)
    .filter((text) => text !== '' && !text.includes('**'));
  const ref = fc.stringMatching(/^[ab/@.]{0,14}$/);

  test('stars are what an anchored expression says that they are', () => {
    fc.assert(
      fc.property(pattern, ref, (source, text) => {
        const literals = source.split('*').map((literal) => literal.replace(/[.]/g, '\\.'));
        const oracle = new RegExp(`^${literals.join('[^/@]*')}$`);
        expect(parseRefPattern(source).matches(text)).toBe(oracle.test(text));
      }),
      RUNS,
    );
  });

  test('ranges compare numbers, not texts', () => {
    const number = fc.integer({ min: 0, max: 12 });
    const version = fc.tuple(number, number, number);
    fc.assert(
      fc.property(version, version, (a, b) => {
        const order = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
        const matches = (operator: string) =>
          parseRefPattern(`${operator}${b.join('.')}`).matches(`refs/tags/v${a.join('.')}`);
        expect([matches('<'), matches('<='), matches('='), matches('>='), matches('>')]).toEqual([
          order < 0,
          order <= 0,
          order === 0,
          order >= 0,
          order > 0,
        ]);
      }),
      RUNS,
    );
  });

  test('F6: a hostile ref costs no more than its length', () => {
    const hostile = `refs/tags/${'a'.repeat(2000)}`;
    const took = threadMilliseconds(() =>
      expect(parseRefPattern('refs/tags/*a*a*a*a*a*a*a*b').matches(hostile)).toBe(false),
    );
    expect(took).toBeLessThan(250);
  });
});
