import { describe, expect, test } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunkOf, FIRST_LOAD_LIMIT, firstLoadReport, scriptsOf } from '../../src/ui/build/first-load.ts';

const output = (imports: Metafile['outputs'][string]['imports'], entryPoint?: string) => ({
  imports,
  exports: [],
  inputs: {},
  bytes: 1,
  ...(entryPoint !== undefined && { entryPoint }),
});

const METAFILE: Metafile = {
  inputs: {},
  outputs: {
    'main.js': output(
      [
        { path: 'shared.js', kind: 'import-statement' },
        { path: 'page.js', kind: 'dynamic-import' },
        { path: 'other.js', kind: 'dynamic-import' },
      ],
      'src/main.tsx',
    ),
    'shared.js': output([{ path: 'deep.js', kind: 'import-statement' }]),
    'deep.js': output([{ path: 'shared.js', kind: 'import-statement' }]),
    'page.js': output([{ path: 'shared.js', kind: 'import-statement' }], 'src/page.tsx'),
    'other.js': output([], 'src/other.tsx'),
  },
};

describe('the first load', () => {
  test('is what the page and the Overview import at once, each file once, and nothing lazy', () => {
    expect(scriptsOf(METAFILE, ['src/main.tsx', 'src/page.tsx']).toSorted()).toEqual([
      'deep.js',
      'main.js',
      'page.js',
      'shared.js',
    ]);
  });

  test('a part that has no chunk of its own is not counted as nothing', () => {
    expect(() => chunkOf(METAFILE, 'src/shared.ts')).toThrow('no chunk of its own');
  });

  test('is told with its sum', () => {
    const { total, text } = firstLoadReport([
      { name: 'a.js', bytes: 1500 },
      { name: 'b.css', bytes: 500 },
    ]);
    expect(total).toBe(2000);
    expect(text).toContain('2.0 kB  first load');
    expect(FIRST_LOAD_LIMIT).toBe(350_000);
  });
});

/** Lines of the page's own source that would let a text of a stranger become more than text (attack G3). */
const UNSAFE = [
  /dangerouslySetInnerHTML|\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write/,
  /\beval\s*\(|new Function\b/,
  /\bstyle=\{/,
  /\b(?:href|src|formAction)=\{(?!urlOf\('\/(?:session\/oidc|verifications\/export)'|`#\$\{MAIN\}`)/,
];

function unsafeLines(file: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (UNSAFE.some((pattern) => pattern.test(line)) ? [`${file}:${index + 1}`] : []));
}

describe('G3: the page', () => {
  const folder = join(import.meta.dirname, '../../src/ui');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tsx?$/.test(name),
  );

  test('writes no HTML, runs no text, and takes no address from data', () => {
    expect(files.length).toBeGreaterThan(80);
    const found = files
      .filter((name) => !name.startsWith('build/'))
      .flatMap((name) => unsafeLines(name, readFileSync(join(folder, name), 'utf8')));
    expect(found).toEqual([]);
  });

  test.each([
    '<p dangerouslySetInnerHTML={{ __html: text }} />',
    '<a href={row.source}>source</a>',
    '<img src={image} />',
    'element.innerHTML = name;',
    "new Function('return 1')",
  ])('a line like %s is found', (line) => {
    expect(unsafeLines('x.tsx', line)).toHaveLength(1);
    expect(unsafeLines('x.tsx', "<Button href={urlOf('/session/oidc')} />")).toHaveLength(0);
  });
});
