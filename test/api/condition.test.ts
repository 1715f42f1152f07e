import { describe, expect, test } from '@jest/globals';
import { parseCondition, type ConditionResult } from '../../src/api/condition.ts';
import { Refusal } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { parseStrictJson, type JsonValue } from '../../src/strict-json.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

function statement(predicate: JsonValue): JsonValue {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://example.com/predicate/v1',
    subject: [{ name: 'ghcr.io/acme/mcp', digest: { sha256: 'ab'.repeat(32) } }],
    predicate,
  };
}

function evaluate(source: string, predicate: JsonValue): ConditionResult {
  return parseCondition(source, 'a message').evaluate(statement(predicate));
}

/** Why it does not hold; fails where it does. */
function whyNot(source: string, predicate: JsonValue = {}): string {
  const result = evaluate(source, predicate);
  expect([source, result.holds]).toEqual([source, false]);
  return result.holds ? '' : result.why;
}

function refusal(source: string): Refusal {
  try {
    parseCondition(source, 'a message');
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error(`accepted: ${source}`);
}

const SCAN = {
  scanner: { uri: 'pkg:github/aquasecurity/trivy@0.66.0', result: [] as JsonValue[] },
  metadata: { scanFinishedOn: '2026-10-02T08:00:00Z' },
  summary: { critical: 0, high: 2, score: 7.5 },
};
const finding = (severity: string): JsonValue => ({ id: 'CVE-2026-1', severity: [{ score: severity }] });
const SPDX = (license: string): JsonValue => ({
  spdxVersion: 'SPDX-2.3',
  packages: [
    { name: 'left', licenseDeclared: 'MIT', externalRefs: [{ referenceType: 'purl' }] },
    { name: 'right', licenseDeclared: license, externalRefs: [{ referenceType: 'purl' }] },
  ],
});
const VEX = (status: string): JsonValue => ({
  '@context': 'https://openvex.dev/ns/v0.2.0',
  statements: [
    { vulnerability: { name: 'CVE-2026-1' }, status: 'fixed' },
    { vulnerability: { name: 'CVE-2026-2' }, status, justification: 'component_not_present' },
  ],
});
const TESTS = (passed: number, failed: readonly string[]): JsonValue => ({
  result: failed.length === 0 ? 'PASSED' : 'FAILED',
  passedTests: Array.from({ length: passed }, (_, index) => `test ${index}`),
  failedTests: failed,
  total: passed + failed.length,
});

const REALISTIC: readonly (readonly [string, string, JsonValue, JsonValue])[] = [
  [
    'no critical finding',
    'predicate.scanner.result.all(v, v.severity.all(s, s.score != "CRITICAL"))',
    { ...SCAN, scanner: { ...SCAN.scanner, result: [finding('HIGH')] } },
    { ...SCAN, scanner: { ...SCAN.scanner, result: [finding('HIGH'), finding('CRITICAL')] } },
  ],
  [
    'nothing found at all',
    'size(predicate.scanner.result) == 0',
    SCAN,
    { ...SCAN, scanner: { ...SCAN.scanner, result: [finding('LOW')] } },
  ],
  [
    'few enough findings',
    'predicate.summary.critical == 0 && predicate.summary.critical + predicate.summary.high <= 5',
    SCAN,
    { ...SCAN, summary: { ...SCAN.summary, high: 6 } },
  ],
  [
    'a score, whole or not',
    'predicate.summary.score < 8',
    { ...SCAN, summary: { ...SCAN.summary, score: 7 } },
    { ...SCAN, summary: { ...SCAN.summary, score: 8.5 } },
  ],
  [
    'a scan with this scanner',
    'predicate.scanner.uri.matches("^pkg:github/aquasecurity/trivy@0\\\\.[0-9]+\\\\.[0-9]+$")',
    SCAN,
    { ...SCAN, scanner: { ...SCAN.scanner, uri: 'pkg:github/evil/trivy@0.66.0' } },
  ],
  [
    'a scan that is young enough',
    'timestamp(predicate.metadata.scanFinishedOn) > timestamp("2026-10-01T00:00:00Z")',
    SCAN,
    { ...SCAN, metadata: { scanFinishedOn: '2026-09-30T23:59:59Z' } },
  ],
  [
    'licences',
    'predicate.packages.all(p, p.licenseDeclared in ["MIT", "Apache-2.0"])',
    SPDX('Apache-2.0'),
    SPDX('AGPL-3.0-only'),
  ],
  [
    'no package of the GPL',
    '!predicate.packages.exists(p, p.licenseDeclared.contains("GPL"))',
    SPDX('BSD-3-Clause'),
    SPDX('LGPL-2.1'),
  ],
  [
    'names of the odd ones',
    'predicate.packages.filter(p, p.licenseDeclared != "MIT").map(p, p.name) == ["right"]',
    SPDX('ISC'),
    SPDX('MIT'),
  ],
  [
    'VEX',
    'predicate.statements.all(s, s.status in ["fixed", "not_affected"] && (s.status != "not_affected" || has(s.justification)))',
    VEX('not_affected'),
    VEX('under_investigation'),
  ],
  ['test results', 'predicate.result == "PASSED"', TESTS(9, []), TESTS(9, ['test 9'])],
  [
    'a share of the tests',
    'size(predicate.passedTests) / predicate.total >= 0.9',
    TESTS(9, ['test 9']),
    TESTS(8, ['test 8', 'test 9']),
  ],
  [
    'a field that may be missing',
    '!has(predicate.failedTests) || size(predicate.failedTests) == 0',
    { result: 'PASSED' },
    TESTS(1, ['test 1']),
  ],
];

describe('conditions on statements', () => {
  test.each(REALISTIC)('%s', (_, source, good, bad) => {
    const condition = parseCondition(source, 'a message');
    expect(condition.evaluate(statement(good))).toEqual({ holds: true });
    expect(condition.evaluate(statement(bad))).toEqual({ holds: false, why: 'the expression is false' });
    // Nothing is remembered of one statement for the next.
    expect(condition.evaluate(statement(good))).toEqual({ holds: true });
  });

  test('it keeps what the policy says', () => {
    expect(parseCondition('predicate.a == 1', 'a is 1')).toMatchObject({
      source: 'predicate.a == 1',
      message: 'a is 1',
    });
  });

  test('subject and predicateType are read too, whatever else the statement says is not', () => {
    const source = `subject.all(s, s.digest.sha256 == "${'ab'.repeat(32)}") && predicateType.startsWith("https://")`;
    expect(evaluate(source, {}).holds).toBe(true);
    expect(refusal('_type == "x"').message).toContain('"_type" is not known here');
  });
});

describe('numbers and times', () => {
  test.each([
    ['predicate.n == 3', { n: 3 }, { n: 4 }],
    ['predicate.n + 1 == 4', { n: 3 }, { n: 2 }],
    ['2 * predicate.n - 1 == 5', { n: 3 }, { n: 2 }],
    ['predicate.n in [1, 2]', { n: 2 }, { n: 3 }],
    ['predicate.part / predicate.whole > 0.5', { part: 3, whole: 5 }, { part: 2, whole: 5 }],
    ['predicate.list[predicate.at] == "b"', { list: ['a', 'b'], at: 1 }, { list: ['a', 'b'], at: 0 }],
    ['size(predicate.list) == predicate.n', { list: ['a'], n: 1 }, { list: ['a'], n: 2 }],
    ['int(predicate.text) == 12', { text: '12' }, { text: '13' }],
    ['double(predicate.text) < 7.5', { text: '7.4' }, { text: '7.6' }],
    ['string(predicate.n) == "3"', { n: 3 }, { n: 3.5 }],
    ['size(predicate.text) == 2', { text: 'é😀' }, { text: 'é😀a' }],
    [
      'timestamp(predicate.end) - timestamp(predicate.start) < duration("1h30m")',
      { start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:00:00Z' },
      { start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:30:00Z' },
    ],
    [
      'timestamp(predicate.t) == timestamp("2026-01-01T00:00:00Z")',
      { t: '2026-01-01T02:00:00+02:00' },
      { t: '2026-01-01T02:00:00Z' },
    ],
    ['predicate.o == {"a": [1, null], "b": "c"}', { o: { b: 'c', a: [1, null] } }, { o: { b: 'c', a: [1] } }],
    ['type(predicate.x) == string && predicate.x != ""', { x: 'a' }, { x: 1 }],
    ['predicate.list.exists_one(x, x > 1)', { list: [1, 2] }, { list: [2, 2] }],
    ['predicate.list.map(x, x > 1, x + 1) == [3]', { list: [1, 2] }, { list: [2, 2] }],
    ['predicate.all(key, key.startsWith("a"))', { ab: 1, ac: 2 }, { ab: 1, bc: 2 }],
    ['predicate.a + predicate.b == [1, 2, 3]', { a: [1], b: [2, 3] }, { a: [1], b: [3, 2] }],
  ])('%s', (source, good, bad) => {
    expect(evaluate(source, good)).toEqual({ holds: true });
    expect(evaluate(source, bad)).toEqual({ holds: false, why: 'the expression is false' });
  });

  test.each([
    ['int(predicate.x) == 0', 'int() takes the text of a whole number'],
    ['!(double(predicate.x) > 1.0)', 'double() takes the text of a number'],
    ['timestamp(predicate.x) < timestamp("2030-01-01T00:00:00Z")', 'timestamp() takes a time as RFC 3339'],
    ['duration(predicate.x) < duration("1h")', 'duration() takes a duration such as 1h30m'],
  ])('text that is no number and no time is neither 0 nor NaN: %s', (source, why) => {
    for (const x of ['', 'abc', ' ', '0x10', '1'.repeat(65), '2026-13-01T00:00:00Z', '2026-01-01']) {
      expect(whyNot(source, { x })).toContain(why);
    }
  });

  test('seconds since 1970 are not taken for milliseconds', () => {
    expect(whyNot('timestamp(5) < timestamp(predicate.t)', { t: '2026-01-01T00:00:00Z' })).toContain(
      'timestamp() takes text',
    );
  });
});

describe('B3: what is missing or of another type does not hold', () => {
  const SECRET = 'not-for-messages';

  test.each([
    ['predicate.x == 1', {}, 'the statement has no "x" here (character 10'],
    ['predicate.x.y == 1', { x: {} }, 'the statement has no "y" here (character 12'],
    ['predicate.x.y == 1', { x: SECRET }, 'the statement has no "y" here'],
    ['predicate["x"] == 1', {}, 'the statement has no such element'],
    ['predicate.m[predicate.k] == 1', { m: {}, k: SECRET }, 'the statement has no such element'],
    ['predicate.list[3] == 1', { list: [SECRET] }, 'the statement has no such element'],
    ['has(predicate.x.y)', {}, 'the statement has no "x" here'],
    ['predicate.x < 1', { x: SECRET }, '"<" does not take string, int'],
    ['predicate.x.startsWith("a")', { x: 1 }, '"startsWith()" does not take string'],
    ['predicate.x', { x: SECRET }, 'the expression gives a value of type string, not true or false'],
    ['predicate.x', { x: null }, 'the expression gives null, not true or false'],
    ['predicate.x', { x: { [SECRET]: true } }, 'the expression gives a value of type map, not true or false'],
    ['predicate.x && true', { x: SECRET }, '"&&" takes only true and false'],
    ['!predicate.x', { x: SECRET }, '"!" does not take string'],
    ['predicate.x ? true : true', { x: SECRET }, '"?:" does not take string'],
    ['predicate.x.all(y, true)', { x: SECRET }, 'only a list or a map has elements'],
    ['predicate.list.all(x, x.ok)', { list: [{ ok: true }, {}] }, 'the statement has no "ok" here'],
    ['1 / int(predicate.x) == 1', { x: '0' }, '"/" cannot be computed of what it is given'],
    ['bool(predicate.x)', { x: SECRET }, '"bool()" cannot be computed of what it is given'],
    ['timestamp(predicate.x) == timestamp(predicate.x)', { x: `2026-${SECRET}` }, 'timestamp() takes'],
    ['{predicate.x: 1, predicate.x: 2} == predicate', { x: SECRET }, 'it cannot be evaluated'],
  ] as const)('%s', (source, predicate, why) => {
    const shown = whyNot(source, predicate as JsonValue);
    expect(shown).toContain(why);
    expect(shown).not.toContain(SECRET);
    expect(shown.length).toBeLessThan(LIMITS.messageFieldChars);
  });

  test.each<[string, JsonValue]>([
    ['null', null],
    ['a list', []],
    ['a text', 'predicate'],
    ['an object without a predicate', { predicateType: 'x' }],
    ['an object whose predicate is null', { predicate: null }],
  ])('a statement that is %s', (_, odd) => {
    const condition = parseCondition('predicate.x == 1 || predicate.y == 2', 'a message');
    expect(condition.evaluate(odd).holds).toBe(false);
    expect(condition.evaluate(statement({ x: 1 })).holds).toBe(true);
  });

  test('a member that is null is not there', () => {
    expect(
      evaluate('!has(predicate.x) && !("x" in predicate) && predicate.x == null', { x: null }).holds,
    ).toBe(true);
  });
});

describe('odd keys', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is a member like any other',
    (key) => {
      const source = `predicate.${key} == 1`;
      const own = parseStrictJson(JSON.stringify({ x: 1 }).replace('"x"', `"${key}"`), 'a predicate');
      expect(evaluate(source, own)).toEqual({ holds: true });
      expect(whyNot(source, {})).toContain(`the statement has no "${key}" here`);
      expect(evaluate(`has(predicate.${key}) || "${key}" in predicate`, {}).holds).toBe(false);
      expect(refusal(`${key} == predicate`).message).toContain(`"${key}" is not known here`);
    },
  );

  test('an object cannot pass for a message of the library', () => {
    const odd = { $typeName: 'google.protobuf.BoolValue', value: true, constructor: null };
    expect(evaluate('predicate.x.value && size(predicate.x) == 3', { x: odd }).holds).toBe(true);
    expect(whyNot('predicate.x', { x: odd })).toContain('type map');
  });

  test('members are asked for by name only', () => {
    expect(evaluate('1 in predicate || true in predicate', { 1: 'a', true: 'b' }).holds).toBe(false);
    expect(evaluate('"1" in predicate', { 1: 'a' }).holds).toBe(true);
  });
});

describe('C2: what cannot be evaluated is refused when the policy is read', () => {
  test.each([
    [
      'foo == 1',
      '"foo" is not known here: an expression is about predicate, predicateType, subject (character 1)',
    ],
    ['predicate.list.all(x, y == 1)', '"y" is not known here'],
    ['predicate.list.all(x, true) && x', '"x" is not known here'],
    ['now() > predicate.x', 'the function "now" is not known here (character 1)'],
    ['predicate.x.foo()', 'the function "foo" is not known here'],
    ['predicate.x.getHours() == 1', 'the function "getHours" is not known here'],
    ['constructor(predicate)', 'the function "constructor" is not known here'],
    ['has(predicate)', 'the function "has" is not known here'],
    ['predicate.list.all(1, true)', 'the function "all" is not known here'],
    ['size(predicate, 1) == 1', 'size is called as size(value) or value.size()'],
    ['predicate.x.int() == 1', 'int is called as int(value)'],
    ['contains(predicate.x, "a")', 'contains is called as text.contains(text)'],
    ['predicate.list.all(predicate, true)', '"predicate" cannot name the element of a list'],
    ['predicate.a.all(x, predicate.b.all(x, true))', '"x" cannot name the element of a list'],
    ['google.protobuf.Timestamp{seconds: 1} == predicate.x', '"google.protobuf.Timestamp" is not known here'],
    ['predicate.x == b"a"', 'a statement has no bytes'],
    ['predicate.x == 1u', 'a statement has no bytes and no unsigned numbers'],
    ['predicate.x == 9223372036854775808', 'the number does not fit into 64 bits'],
    ['true', 'reads nothing of the statement'],
    ['1 == 1', 'reads nothing of the statement'],
    ['predicate', 'never true or false'],
    ['size(predicate.list)', 'never true or false'],
    ['predicate.list.map(x, x)', 'never true or false'],
    ['predicate.x ? 1 : "a"', 'never true or false'],
    ['predicate.x.matches(predicate.y)', 'the pattern of matches() must be written down'],
    ['predicate.x.matches("a" + "b")', 'the pattern of matches() must be written down'],
    ['predicate.x.matches("(")', 'not a regular expression that RE2 takes'],
    ['predicate.x.matches("(?=a)")', 'not a regular expression that RE2 takes'],
    ['predicate.x ==', 'from line 1, character 13 on the expression is not CEL'],
    ['predicate.x == 1 &&\n  predicate.y ===', 'from line 2, character 15 on the expression is not CEL'],
    ['', 'from line 1, character 1 on the expression is not CEL'],
    ['predicate.x == "\\ud800"', 'the expression is not CEL: "surrogate'],
  ])('%s', (source, message) => {
    const { code, message: shown } = refusal(source);
    expect(code).toBe('MALFORMED');
    expect(shown).toContain(message);
  });

  test.each([
    ['long', `predicate.x == "${'a'.repeat(LIMITS.conditionChars)}"`, 'at most 1024 characters'],
    ['deep', `${'('.repeat(33)}predicate.x${')'.repeat(33)}`, 'at most 32 levels deep'],
    ['deep without an end', '('.repeat(1000), 'at most 32 levels deep'],
    ['deep without brackets', `predicate.x${'+1'.repeat(40)} == 1`, 'at most 32 levels deep'],
    ['wide', `predicate.x in [${'1,'.repeat(400)}1]`, 'at most 400 parts'],
    [
      'nested',
      'predicate.a.all(a, a.all(b, b.all(c, c.all(d, d == 1))))',
      'at most 3 comprehensions stand in one another',
    ],
    ['costly as a pattern', 'predicate.x.matches("(a{500}){500}")', 'the pattern is too costly'],
  ])('F17: an expression that is %s', (_, source, message) => {
    const took = threadMilliseconds(() => {
      const { code, message: shown } = refusal(source);
      expect([code, shown]).toEqual(['LIMIT', expect.stringContaining(message)]);
    });
    expect(took).toBeLessThan(500);
  });

  test('the largest that is allowed is', () => {
    expect(evaluate(`${'('.repeat(30)}predicate.x == 1${')'.repeat(30)}`, { x: 1 }).holds).toBe(true);
    expect(evaluate('predicate.a.all(a, a.all(b, b.all(c, c == 1)))', { a: [[[1], [1]]] }).holds).toBe(true);
    expect(evaluate(`predicate.x in [${'1,'.repeat(390)}2]`, { x: 2 }).holds).toBe(true);
  });
});

describe('F6: patterns', () => {
  test('are found anywhere unless they say otherwise', () => {
    expect(evaluate('predicate.x.matches("b+")', { x: 'abbc' }).holds).toBe(true);
    expect(evaluate('predicate.x.matches("^b+$")', { x: 'abbc' }).holds).toBe(false);
    expect(evaluate('predicate.x.matches("^b+$")', { x: 'bb' }).holds).toBe(true);
  });

  test('are held against no longer text than they take: it matches neither so nor negated', () => {
    const longest = 'a'.repeat(LIMITS.patternTextChars);
    expect(evaluate('!predicate.x.matches("b")', { x: longest }).holds).toBe(true);
    expect(whyNot('!predicate.x.matches("b")', { x: `${longest}a` })).toContain('at most 2048 characters');
    expect(whyNot('predicate.x.matches("a")', { x: `${longest}a` })).toContain('at most 2048 characters');
  });

  test('do not backtrack', () => {
    expectQuick('!predicate.x.matches("^(([a-z])+.)+[A-Z]([a-z])+$")', statement({ x: 'a'.repeat(2000) }));
  });
});

/** Evaluates and says why it does not hold, within what one evaluation may take. */
function expectQuick(source: string, value: JsonValue): ConditionResult {
  const condition = parseCondition(source, 'a message');
  let result: ConditionResult | undefined;
  // About one second where it is measured alone, and minutes without a bound.
  expect(threadMilliseconds(() => (result = condition.evaluate(value)))).toBeLessThan(10_000);
  if (result === undefined) throw new Error('it was not evaluated');
  return result;
}

describe('F17: what an evaluation costs is bounded', () => {
  const numbers = Array.from({ length: 400_000 }, (_, index) => index);
  const big = statement({
    numbers,
    objects: Array.from({ length: 100_000 }, (_, index) => ({ name: `package ${index}`, n: index })),
    empty: Array.from({ length: 130_000 }, () => ({})),
    members: Object.fromEntries(numbers.slice(0, 100_000).map((n) => [`k${n}`, n])),
    text: 'a'.repeat(2_000_000),
    part: `b${'a'.repeat(500_000)}`,
    texts: Array.from({ length: 100 }, () => 'ab'.repeat(1000)),
  });
  const COSTLY = { holds: false, why: 'it costs more than is allowed' };

  test.each([
    'predicate.numbers.all(x, predicate.numbers.all(y, predicate.numbers.all(z, z >= 0)))',
    'predicate.numbers.all(x, predicate.numbers.exists(y, true))',
    'predicate.empty.exists(x, predicate.empty.exists(y, y.missing == 1))',
    'predicate.numbers.exists(x, x.a == 1 || x.b == 1 || x.c == 1 || x.d == 1 || x.e == 1)',
    'predicate.numbers.filter(x, x > 5).map(x, x + 1).size() > 3',
    '[1, 2, 3, 4, 5, 6, 7].all(x, predicate.numbers == predicate.numbers)',
    '[1, 2, 3, 4, 5, 6, 7].all(x, predicate.members == predicate.members)',
    'predicate.numbers.all(x, !(-1 in predicate.numbers))',
    'predicate.numbers.all(x, !(1 in predicate.members))',
    'predicate.numbers.all(x, size(predicate.members) > 1)',
    'predicate.numbers.all(x, size(predicate.text) > 1)',
    'predicate.numbers.all(x, predicate.text.size() > 1)',
    'predicate.numbers.all(x, predicate.text == predicate.text)',
    'predicate.numbers.all(x, predicate.text.startsWith(predicate.text))',
    '!predicate.text.contains(predicate.part)',
    `[predicate.text]${'.map(x, x + x)'.repeat(10)}.size() == 1`,
    `["a" + predicate.texts[0]]${'.map(x, x + x)'.repeat(20)}.size() == 1`,
    `[predicate.numbers]${'.map(x, x + x)'.repeat(20)}.size() == 1`,
    `[predicate.texts]${'.map(x, [x, x])'.repeat(14)} == [predicate.texts]${'.map(x, [x, x])'.repeat(14)}`,
    'predicate.texts.all(t, predicate.numbers.all(n, !t.matches("([ab]{0,50}c){3}d")))',
    'predicate.numbers.all(x, timestamp("2026-01-01T00:00:00Z") < timestamp("2027-01-01T00:00:00Z"))',
    'predicate.numbers.exists(x, timestamp("2026-01-01T00:00:00") < timestamp("2027-01-01T00:00:00"))',
    'predicate.numbers.all(x, string(x) != "")',
  ])('%s', (source) => {
    expect(expectQuick(source, big)).toEqual(COSTLY);
  });

  test.each([
    '%s || true',
    'true || %s',
    '!(%s) || true',
    '[1].exists(o, (%s) || o == 1)',
    '(%s) ? true : true',
  ])('whatever the expression makes of it: %s', (form) => {
    const costly = 'predicate.numbers.all(x, predicate.numbers.all(y, y >= 0))';
    const condition = parseCondition(form.replace('%s', costly), 'a message');
    // What is not evaluated costs nothing.
    expect(condition.evaluate(big)).toEqual(form.startsWith('true') ? { holds: true } : COSTLY);
    // The budget is each evaluation's own.
    expect(condition.evaluate(statement({ numbers: [1, 2] })).holds).toBe(true);
  });

  test('a list that is larger than all that may be spent', () => {
    const subject = Array.from({ length: LIMITS.conditionSteps + 1 }, () => 1);
    expect(expectQuick('subject == [1]', { subject })).toEqual(COSTLY);
  });

  test('an SBOM with 10,000 packages of three references each is not too much', () => {
    const packages = Array.from({ length: 10_000 }, (_, index) => ({
      name: `package-${index}`,
      licenseDeclared: index % 2 === 0 ? 'MIT' : 'Apache-2.0',
      externalRefs: ['cpe23Type', 'cpe22Type', 'purl'].map((referenceType) => ({ referenceType })),
    }));
    const source =
      'predicate.packages.all(p, p.licenseDeclared in ["MIT", "Apache-2.0"] && p.externalRefs.exists(r, r.referenceType == "purl"))';
    expect(expectQuick(source, statement({ packages }))).toEqual({ holds: true });
    expect(
      expectQuick(
        source,
        statement({ packages: [...packages, { licenseDeclared: 'MIT', externalRefs: [] }] }),
      ),
    ).toEqual({
      holds: false,
      why: 'the expression is false',
    });
    const collecting =
      'predicate.packages.filter(p, p.licenseDeclared == "MIT").map(p, p.name).size() == 5000';
    expect(expectQuick(collecting, statement({ packages }))).toEqual({ holds: true });
    const matching = 'predicate.packages.all(p, p.name.matches("^package-[0-9]+$"))';
    expect(expectQuick(matching, statement({ packages }))).toEqual({ holds: true });
  });

  test('only what is read is converted: one field of a large statement takes no time', () => {
    const condition = parseCondition('predicate.small == 1', 'a message');
    const large = statement({ small: 1, numbers, more: { numbers } });
    const took = threadMilliseconds(() => {
      for (let times = 0; times < 1000; times++) expect(condition.evaluate(large).holds).toBe(true);
    });
    expect(took).toBeLessThan(2_000);
  });

  test('errors made elsewhere keep their stacks', () => {
    const before = Error.stackTraceLimit;
    whyNot('predicate.x == 1');
    expect(Error.stackTraceLimit).toBe(before);
    expect(before).toBeGreaterThan(0);
  });
});

test('B18: the same condition on a changed statement is judged anew', () => {
  const condition = parseCondition('predicate.packages.all(p, p.ok)', 'a message');
  const packages: { ok: boolean }[] = [{ ok: true }];
  const changing = statement({ packages });
  expect(condition.evaluate(changing).holds).toBe(true);
  packages.push({ ok: false });
  expect(condition.evaluate(changing).holds).toBe(false);
  packages.pop();
  expect(condition.evaluate(changing).holds).toBe(true);
});
