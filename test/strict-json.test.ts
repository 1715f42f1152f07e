import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '../src/errors.ts';
import { checkBase64, decodeBase64 } from '../src/sigstore/base64.ts';
import { parseStrictJson, peekText } from '../src/strict-json.ts';
import { threadMilliseconds } from './support/cpu-time.ts';

function codeFor(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return thrown.code;
  }
}

const jsonCode = (input: string | Uint8Array, depth?: number) =>
  codeFor(() => parseStrictJson(input, 'it', depth === undefined ? {} : { depth }));

/** For well-formed JSON: JSON.parse keeps one of two equal keys, so writing it out again loses characters. */
function hasKeyTwice(text: string): boolean {
  const plain = text.replaceAll('\\u0061', 'a').replaceAll(' ', '');
  return JSON.stringify(JSON.parse(plain)).length !== plain.length;
}

describe('strict JSON', () => {
  test('reads whatever JSON.stringify writes, as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseStrictJson(text, 'it')).toEqual(JSON.parse(text));
        expect(parseStrictJson(Buffer.from(JSON.stringify(value, null, 2)), 'it')).toEqual(JSON.parse(text));
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });

  test('agrees with JSON.parse about what is JSON, whatever the text', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"',
      '\\',
      '\\"',
      '\\\\',
      '1',
      'null',
      ' ',
      '"\\u0061"',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const code = jsonCode(text);
        const known = codeFor(() => {
          try {
            JSON.parse(text);
          } catch (cause) {
            throw new Refusal('MALFORMED', '', { cause });
          }
        });
        if (known === 'read' && !hasKeyTwice(text)) expect(code).toBe('read');
        else expect(code).not.toBe('read');
      }),
      { seed: 20261122, numRuns: 3000 },
    );
  });

  test.each([
    ['{"a":1,"a":2}', 'MALFORMED'],
    ['{"a":1,"\\u0061":2}', 'MALFORMED'],
    ['{"a":{"b":1},"c":[{"b":1},{"b":1}]}', 'read'],
    ['[{"x":{"a":1,"b":2,"a":3}}]', 'MALFORMED'],
    ['{"a":"a","b":"a"}', 'read'],
    ['{"a\\"":1,"a":2}', 'read'],
    ['{"a\\\\":1,"a\\\\":2}', 'MALFORMED'],
    ['{"__proto__":1,"__proto__":2}', 'MALFORMED'],
    ['["a","a"]', 'read'],
    ['{"a":["x","x"],"x":1}', 'read'],
    ['{"":1,"":2}', 'MALFORMED'],
    ['{"a":1}x', 'MALFORMED'],
    ['{"a":1', 'MALFORMED'],
    ['"', 'MALFORMED'],
    ['"\\', 'MALFORMED'],
    ['{"\\x":1}', 'MALFORMED'],
    ['', 'MALFORMED'],
    ['\ufeff{}', 'MALFORMED'],
  ])('%s: %s', (text, code) => {
    expect(jsonCode(text)).toBe(code);
  });

  test('depth', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(jsonCode(nested(64))).toBe('read');
    expect(jsonCode(nested(65))).toBe('LIMIT');
    expect(jsonCode(nested(3), 2)).toBe('LIMIT');
    expect(jsonCode('['.repeat(1_000_000))).toBe('LIMIT');
    expect(jsonCode(`${'[],'.repeat(1000)}`)).toBe('MALFORMED');
  });

  test('objects and lists, and different keys', () => {
    const code = (text: string, bounds: object) => codeFor(() => parseStrictJson(text, 'it', bounds));
    for (const [text, bounds] of [
      ['[{},[],"[",{"a":{}}]', { containers: 5 }],
      ['[{"a":1,"b":2},{"b":1,"a":2},"c"]', { names: 2 }],
    ] as const) {
      const [[name, most] = ['', 0]] = Object.entries(bounds);
      expect(code(text, bounds)).toBe('read');
      expect(code(text, { [name]: most - 1 })).toBe('LIMIT');
    }
  });

  test('tokens', () => {
    const code = (text: string, tokens: number) => codeFor(() => parseStrictJson(text, 'it', { tokens }));
    for (const [text, tokens] of [
      ['{"a":1,"b":[2,"c,{"]}', 7],
      ['[{},{},{}]', 6],
      [`{"a":"${'\\",'.repeat(100)}"}`, 3],
    ] as const) {
      expect(code(text, tokens)).toBe('read');
      expect(code(text, tokens - 1)).toBe('LIMIT');
    }
    // Counted as they come: what follows is not looked at.
    expect(code('[{},{},{"a":1,"a":2', 6)).toBe('LIMIT');
  });

  test('peeks at a member of the outermost object only', () => {
    const peek = (text: string, tokens = 100) => peekText(text, 'a', tokens);
    for (const text of ['{"a":"x"}', '{"b":{"a":"y"},"c":["a","y"], "a" : "\\u0078"', '{"b":"a","a":"x"}']) {
      expect(peek(text)).toBe('x');
    }
    for (const text of [
      '{"a":1}',
      '{"b":{"a":"x"}}',
      '["a","x"]',
      '{"b":"a"}',
      '{"a":"\\q"}',
      '',
      '"a":"x"',
    ]) {
      expect(peek(text)).toBeUndefined();
    }
    expect(peek('{"b":"c","a":"x"}', 3)).toBe('x');
    expect(peek('{"b":"c","a":"x"}', 2)).toBeUndefined();
  });

  test('bytes that are not UTF-8', () => {
    expect(jsonCode(Buffer.from('{"é":1}'))).toBe('read');
    expect(jsonCode(Buffer.from('{"é":1}', 'latin1'))).toBe('MALFORMED');
    expect(jsonCode(Buffer.from('\ufeff{}'))).toBe('MALFORMED');
  });

  test('a key named __proto__ stays a key', () => {
    const parsed = parseStrictJson('{"__proto__":{"polluted":true}}', 'it') as Record<string, unknown>;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(parsed['polluted']).toBeUndefined();
  });

  test('time grows with length only, whatever the text', () => {
    for (const text of [
      `"${'\\'.repeat(4_000_000)}`,
      `"${'\\"'.repeat(2_000_000)}`,
      '"'.repeat(4_000_000),
      `{${'"a":'.repeat(1_000_000)}`,
      `{${Array.from({ length: 300_000 }, (_, i) => `"${i}":0`).join(',')}}`,
    ]) {
      expect(threadMilliseconds(() => jsonCode(text))).toBeLessThan(5_000);
    }
  });
});

describe('base64', () => {
  test('reads back what Buffer writes, in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        for (const form of ['base64', 'base64url'] as const) {
          expect(decodeBase64(buffer.toString(form), 'it', 64)).toEqual(buffer);
        }
      }),
      { seed: 20261122 },
    );
  });

  test.each(['A', 'AAAAA', 'A===', 'AA=', '=', 'AA AA', 'AAAA\n', 'AA-+', 'A*==', 'AA==AA==', 'ÄAAA'])(
    'refuses %j',
    (text) => {
      expect(codeFor(() => decodeBase64(text, 'it', 64))).toBe('MALFORMED');
    },
  );

  test('one text for each value: bits beyond the last byte are zero', () => {
    for (const [good, bad] of [
      ['/w==', '/x=='],
      ['/w', '/x'],
      ['//8=', '//9='],
      ['//8', '//9'],
      ['AA', 'AP'],
      ['__8', '__-'],
      ['AAAAgA==', 'AAAAgB=='],
    ] as const) {
      expect(Buffer.from(good, 'base64')).toEqual(Buffer.from(bad, 'base64'));
      expect(codeFor(() => decodeBase64(good, 'it', 64))).toBe('read');
      expect(codeFor(() => decodeBase64(bad, 'it', 64))).toBe('MALFORMED');
    }
  });

  test('bounds the bytes, not the characters', () => {
    const text = Buffer.alloc(64).toString('base64');
    expect(codeFor(() => checkBase64(text, 'it', 64))).toBe('read');
    expect(codeFor(() => checkBase64(text, 'it', 63))).toBe('LIMIT');
  });
});
