import { describe, expect, test } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * docs/attacks.md and the tests hold each other: a row without a test, an id without a row, and a reference to a section that
 * docs/design.md does not have all fail here.
 */
const ROOT = resolve(import.meta.dirname, '..');
const ID = /\b[A-H][1-9][0-9]?\b/g;
/** `test('A24: …` and its like: the id opens the name, alone or with others. */
const NAMED =
  /\b(?:describe|test|it)(?:\.each\([^)]*\))?\(\s*[`'"]((?:[A-H][1-9][0-9]?(?:, | and |\/)?)+)[: ]/g;
/** Names that are put together: `name: 'D5: …'` and `'D5: …'` in a table. */
const TABLED = /[`'"]((?:[A-H][1-9][0-9]?(?:, | and |\/)?)+): /g;

const idsIn = (text: string): readonly string[] => text.match(ID) ?? [];
const read = (file: string) => readFileSync(resolve(ROOT, file), 'utf8');

function rowsOf(page: string): readonly string[] {
  return [...page.matchAll(/^\| ([A-H][1-9][0-9]?)★? \|/gm)].map(([, id = '']) => id);
}

function namedIn(text: string): readonly string[] {
  return [NAMED, TABLED].flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(([, ids = '']) => idsIn(ids)),
  );
}

/** `attack A7`, `attacks B8 and B12`, `attacks C6, C7`. */
function referredIn(text: string): readonly string[] {
  return [...text.matchAll(/\battacks? ((?:[A-H][1-9][0-9]?(?:, | and )?)+)/g)].flatMap(([, ids = '']) =>
    idsIn(ids),
  );
}

describe('docs/attacks.md', () => {
  const rows = rowsOf(read('docs/attacks.md'));
  const tested = new Set(
    // Stories that several test files share are files without `.test`.
    globSync('test/**/*.ts', { cwd: ROOT })
      .filter((file) => file !== 'test/attacks.test.ts')
      .flatMap((file) => namedIn(read(file))),
  );

  test('each row is there once, and has a test that carries its id', () => {
    expect(rows.length).toBeGreaterThan(100);
    expect(rows).toEqual([...new Set(rows)]);
    expect(rows.filter((id) => !tested.has(id))).toEqual([]);
  });

  test('each id in the name of a test, and each one that the code refers to, has a row', () => {
    const referred = globSync(['src/**/*.ts', 'docs/**/*.md'], { cwd: ROOT }).flatMap((file) =>
      referredIn(read(file)).map((id) => ({ file, id })),
    );
    expect(referred.length).toBeGreaterThan(30);
    expect(referred.filter(({ id }) => !rows.includes(id))).toEqual([]);
    expect([...tested].filter((id) => !rows.includes(id))).toEqual([]);
  });

  test('these checks can fail', () => {
    expect(rowsOf('| A1★ | x | y |\n| B22 | x | y |\n| name | x | y |')).toEqual(['A1', 'B22']);
    expect(namedIn("test('A7: a key', () => {}); test.each(x)('B8 and B12: y', …); ['D5: z', 1]")).toEqual(
      expect.arrayContaining(['A7', 'B8', 'B12', 'D5']),
    );
    expect(namedIn("test('a bundle of SHA-256: …')")).toEqual([]);
    expect(referredIn('// (attacks C6, C7), as in attack B18')).toEqual(['C6', 'C7', 'B18']);
  });
});

test('each section of the design that the code refers to is on the page', () => {
  const sections = [...read('docs/design.md').matchAll(/^## (\d+)\. /gm)].map(([, number = '']) => number);
  const referred = globSync(['src/**/*.ts', 'test/**/*.ts'], { cwd: ROOT }).flatMap((file) =>
    [...read(file).matchAll(/\bdesign §(\d+)/g)].map(([, number = '']) => ({ file, number })),
  );
  expect(referred.length).toBeGreaterThan(5);
  expect(referred.filter(({ number }) => !sections.includes(number))).toEqual([]);
});
