import { describe, expect, test } from '@jest/globals';
import { labelSelector, labelsOf, type SelectorShape } from '../../src/api/label-selector.ts';

const LABELS = { app: 'server', tier: 'prod', empty: '' };

/** Expected by k8s.io/apimachinery `labels.Requirement.Matches`. */
const CASES: readonly (readonly [string, SelectorShape, boolean])[] = [
  ['nothing asked', {}, true],
  ['a label', { matchLabels: { app: 'server' } }, true],
  ['another value', { matchLabels: { app: 'serve' } }, false],
  ['a label that is absent', { matchLabels: { team: 'a' } }, false],
  ['one of two labels', { matchLabels: { app: 'server', team: 'a' } }, false],
  ['an empty value', { matchLabels: { empty: '' } }, true],
  ['an empty value of an absent label', { matchLabels: { none: '' } }, false],
  ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['x', 'server'] }] }, true],
  ['In another', { matchExpressions: [{ key: 'app', operator: 'In', values: ['x'] }] }, false],
  ['In, absent', { matchExpressions: [{ key: 'team', operator: 'In', values: ['x'] }] }, false],
  ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['x'] }] }, true],
  ['NotIn, listed', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['server'] }] }, false],
  ['NotIn, absent', { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['x'] }] }, true],
  ['Exists', { matchExpressions: [{ key: 'empty', operator: 'Exists' }] }, true],
  ['Exists, absent', { matchExpressions: [{ key: 'team', operator: 'Exists' }] }, false],
  ['DoesNotExist', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
  ['DoesNotExist, absent', { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }, true],
  [
    'both parts',
    { matchLabels: { app: 'server' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
    true,
  ],
  [
    'one of both',
    { matchLabels: { app: 'server' }, matchExpressions: [{ key: 'team', operator: 'Exists' }] },
    false,
  ],
];

describe('label selectors', () => {
  test.each(CASES)('%s', (_, shape, expected) => {
    expect(labelSelector(shape).matches(LABELS)).toBe(expected);
  });

  test('what every object inherits is no label', () => {
    for (const key of ['constructor', 'toString', 'hasOwnProperty']) {
      const exists = labelSelector({ matchExpressions: [{ key, operator: 'Exists' }] });
      expect(exists.matches({})).toBe(false);
      expect(exists.matches({ [key]: 'x' })).toBe(true);
    }
    const inherited = Object.create({ app: 'server' }) as Record<string, string>;
    expect(labelSelector({ matchLabels: { app: 'server' } }).matches(inherited)).toBe(false);
    expect(labelsOf([['a', 'b']])['constructor']).toBeUndefined();
  });

  test.each<[string, SelectorShape]>([
    ['a key with a space', { matchLabels: { 'a b': 'c' } }],
    ['a key with two slashes', { matchLabels: { 'a/b/c': 'c' } }],
    ['a key with an empty prefix', { matchLabels: { '/a': 'c' } }],
    ['a key of 64 characters', { matchLabels: { ['a'.repeat(64)]: 'c' } }],
    ['a value with a space', { matchLabels: { a: 'b c' } }],
    ['a value of 64 characters', { matchLabels: { a: 'b'.repeat(64) } }],
    ['a value in a list', { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] }],
    ['In without values', { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] }],
    ['Exists with values', { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] }],
  ])('%s can select nothing and is refused', (_, shape) => {
    expect(() => labelSelector(shape)).toThrow(
      expect.objectContaining({ code: 'MALFORMED' }) as unknown as Error,
    );
  });

  test('the longest key and value are accepted', () => {
    const key = `${'a'.repeat(63)}.example.com/${'b'.repeat(63)}`;
    const value = 'c'.repeat(63);
    expect(labelSelector({ matchLabels: { [key]: value } }).matches({ [key]: value })).toBe(true);
  });
});
