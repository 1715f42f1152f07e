import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PatternCache } from '../../src/api/pattern-cache.ts';
import { patternCost } from '../../src/api/pattern-cost.ts';
import { exactText, matchesAnyone, textPattern } from '../../src/api/text-matcher.ts';
import { LIMITS } from '../../src/limits.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

const WORKFLOW = 'https://github.com/acme/mcp/.github/workflows/r.yml@refs/tags/v1';
const PATTERN = 'https://github\\.com/acme/mcp/\\.github/workflows/r\\.yml@refs/tags/v1';

const NEAR_MISSES = [
  `https://evil.example/?${WORKFLOW}`,
  `${WORKFLOW}-evil`,
  `${WORKFLOW}\n`,
  `\n${WORKFLOW}`,
  `${WORKFLOW}\nhttps://evil.example`,
  `x${WORKFLOW}`,
  WORKFLOW.replace('github.com', 'githubxcom'),
  WORKFLOW.toUpperCase(),
  `${WORKFLOW}\0`,
  '',
];

describe('identities match whole', () => {
  test.each([
    ['exact', exactText(WORKFLOW)],
    ['pattern', textPattern(PATTERN)],
    ['pattern with anchors', textPattern(`^${PATTERN}$`)],
    ['multi-line pattern', textPattern(`(?m)^${PATTERN}$`)],
    ['alternatives', textPattern(`${PATTERN}|https://other\\.example`)],
  ])('C1: %s', (_, matcher) => {
    expect(matcher.matches(WORKFLOW)).toBe(true);
    for (const text of NEAR_MISSES) expect([text, matcher.matches(text)]).toEqual([text, false]);
  });

  test('C1: an e-mail address is not found inside another', () => {
    expect(exactText('alice@acme.io').matches('alice@acme.io')).toBe(true);
    expect(exactText('alice@acme.io').matches('xalice@acme.io')).toBe(false);
    expect(textPattern('alice@acme\\.io').matches('alice@acme.io')).toBe(true);
    expect(textPattern('alice@acme\\.io').matches('xalice@acme.io')).toBe(false);
    expect(textPattern('alice@acme\\.io').matches('alice@acme.io.evil.example')).toBe(false);
  });

  test('C1: what is exact never becomes a pattern', () => {
    expect(exactText('a.c').matches('abc')).toBe(false);
    expect(exactText('.*').matches('anything')).toBe(false);
    expect(exactText('(').matches('(')).toBe(true);
  });

  test('every alternative is held against the whole text, also where a shorter one comes first', () => {
    const either = textPattern('a|ab|bc');
    expect(['a', 'ab', 'bc', 'abc', 'b', 'xbc', 'ax'].map((text) => either.matches(text))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test('says the same as an anchored native expression', () => {
    const part = fc.constantFrom('a', 'b', '.', '[ab]', 'a?', 'b*', '(?:ab)+', 'a{2}', 'a|b', '(?:a|ab)c');
    const source = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '\n'), { maxLength: 8 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(source, text, (pattern, subject) => {
        expect(textPattern(pattern).matches(subject)).toBe(new RegExp(`^(?:${pattern})$`).test(subject));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('patterns that are not accepted', () => {
  test.each([
    ['lookahead', '(?=a)b', 'MALFORMED'],
    ['negative lookahead', '(?!evil).*', 'MALFORMED'],
    ['lookbehind', '(?<=a)b', 'MALFORMED'],
    ['back-reference', '(a)\\1', 'MALFORMED'],
    ['open group', '(a', 'MALFORMED'],
    ['a group that would close ours', 'a)|(?:b', 'MALFORMED'],
    ['open class', '[a', 'MALFORMED'],
    ['nothing to repeat', '*a', 'MALFORMED'],
    ['trailing backslash', 'a\\', 'MALFORMED'],
    ['repeated repetition', 'a{1000}{1000}', 'LIMIT'],
    ['nested repetition', '((a{30}){30}){30}', 'LIMIT'],
    ['wide repetition', `(${'a'.repeat(900)}){900}`, 'LIMIT'],
    ['quoted text that hides a repetition', '(\\Q(\\E){1000}', 'LIMIT'],
    ['a repeated Unicode table', 'https://github\\.com/o1/[a-z]{1,200}(x|y)\\pL{1,5}', 'LIMIT'],
    ['the same by another name', '\\p{Lu}{1,5}', 'LIMIT'],
    ['its complement', '\\PL{1,5}', 'LIMIT'],
    ['the same in a class', '[^\\p{L}]{1,5}', 'LIMIT'],
    ['a repeated class of many ranges', `[${'acegikmoqsuwy'.repeat(20)}]{200}`, 'LIMIT'],
    ['too long', 'a'.repeat(LIMITS.patternChars + 1), 'LIMIT'],
  ])('F6: %s', (_, source, code) => {
    const took = threadMilliseconds(() =>
      expect(() => textPattern(source)).toThrow(expect.objectContaining({ code }) as unknown as Error),
    );
    // Compiling "wide repetition" alone takes 600 ms.
    expect(took).toBeLessThan(250);
  });

  test.each([
    '\\pL+',
    '[\\p{L}\\p{N}]+',
    '[A-Za-z0-9._-]{1,200}',
    'https://github\\.com/o1/[a-z]{1,200}(x|y)',
  ])('F6: %s costs no more than it may', (source) => expect(textPattern(source).source).toBe(source));

  test('F6: what all compiled patterns hold is bounded, and one that was dropped says the same', () => {
    const cache = new PatternCache(1_000);
    const source = (at: number) => `o${at}[a-z]{1,200}`;
    const first = cache.get(source(0));
    expect(cache.get(source(0))).toBe(first);
    for (let at = 0; at < 100; at++) {
      expect(cache.get(source(at)).testExact(`o${at}x`)).toBe(true);
      expect(cache.held).toBeLessThanOrEqual(1_000);
    }
    expect(cache.held).toBeGreaterThan(500);
    expect(cache.get(source(0))).not.toBe(first);
    expect(cache.get(source(0)).testExact('o0xyz')).toBe(true);
    expect(cache.get(source(0)).testExact('o1xyz')).toBe(false);
  });

  test('F6: of a thousand costly patterns, more than are kept compiled, each still matches', () => {
    const matchers = Array.from({ length: 1_000 }, (_, at) => textPattern(`o${at}[a-z]{1,100}`));
    for (const at of [0, 500, 999]) {
      expect(matchers[at]?.matches(`o${at}xyz`)).toBe(true);
      expect(matchers[at]?.matches(`o${at}`)).toBe(false);
    }
  });

  test.each([
    ['a', 'aaaaaaaa'.repeat(1280)],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(10_240)],
    ['(a*)*b', 'a'.repeat(LIMITS.patternTextChars)],
    ['(a|a)*b', 'a'.repeat(LIMITS.patternTextChars)],
    [`(?:${'(?:a?){30}'.repeat(8)})b`, 'a'.repeat(LIMITS.patternTextChars)],
    [`${'[a-z]{0,60}'.repeat(4)}b`, 'a'.repeat(LIMITS.patternTextChars)],
  ])('F6: %s is decided in time that grows with the text, not with its square', (source, text) => {
    const matcher = textPattern(source);
    const took = threadMilliseconds(() => expect(matcher.matches(text)).toBe(false));
    // Measured: 15 ms at most; a backtracking engine takes seconds to years.
    expect(took).toBeLessThan(250);
  });

  test('F6: a text above the limit matches nothing, one at the limit does', () => {
    expect(textPattern('a+').matches('a'.repeat(LIMITS.patternTextChars))).toBe(true);
    expect(textPattern('a+').matches('a'.repeat(LIMITS.patternTextChars + 1))).toBe(false);
  });

  test('the cost is known before anything is compiled', () => {
    expect(patternCost('abc')).toBe(3);
    expect(patternCost('[]a]{5}')).toBe(5);
    expect(patternCost('[[:alpha:]x]{4}\\d{3}')).toBe(7);
    expect(patternCost('(ab){10}')).toBe(30);
    expect(patternCost('((a{10}){10}){10}')).toBeGreaterThanOrEqual(1000);
    expect(patternCost(PATTERN)).toBeLessThan(100);
  });
});

describe('patterns that let in anyone', () => {
  test.each([
    '.*',
    '.+',
    '^.*$',
    '(.*)',
    '(?s).*',
    '[\\s\\S]+',
    '.{0,200}',
    '(?:|x)',
    'a|.*',
    '\\S+',
    '[^ ]*',
  ])('C3: %s as issuer and as subject', (source) => {
    expect(matchesAnyone(textPattern(source), 'issuer')).toBe(true);
    expect(matchesAnyone(textPattern(source), 'subject')).toBe(true);
  });

  test.each([
    '.*@.*',
    '[^@]+@[^@]+',
    '\\S+@\\S+\\.\\S+',
    'https://.*',
    '.*/.github/workflows/.*',
    'spiffe://.*',
  ])('C3: %s as subject', (source) => expect(matchesAnyone(textPattern(source), 'subject')).toBe(true));

  test.each(['https://.*', 'https://[^/]+', 'https?://[^/]+/?'])('C3: %s as issuer', (source) =>
    expect(matchesAnyone(textPattern(source), 'issuer')).toBe(true),
  );

  test.each([PATTERN, '.*@example\\.com', 'https://github\\.com/acme/.*', 'spiffe://prod\\.example/.*'])(
    'C3: %s names somebody',
    (source) => expect(matchesAnyone(textPattern(source), 'subject')).toBe(false),
  );

  test.each(['https://oidc\\.eks\\.[^.]+\\.amazonaws\\.com/id/[A-Z0-9]+', 'https://accounts\\.google\\.com'])(
    'C3: %s names issuers',
    (source) => expect(matchesAnyone(textPattern(source), 'issuer')).toBe(false),
  );
});
