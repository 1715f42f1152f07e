import { describe, expect, test } from '@jest/globals';
import { resolve } from 'node:path';
import {
  cyclesOf,
  importLevels,
  measureFile,
  measureSource,
  repeatedExports,
  type FileStats,
} from './code.ts';

const file = (path: string, ...imports: string[]): FileStats => ({
  path,
  lines: 1,
  commentLines: 0,
  functions: [],
  exports: [],
  imports,
});

describe('what `make stats` counts', () => {
  test('lines, comments, functions with a body, exports and imports', () => {
    const text = [
      '// é: bytes and characters differ',
      "import { b } from '../other/b.ts';",
      'export function a(): number {',
      '  return b;',
      '}',
      'export class C {',
      '  #d() {}',
      '  constructor() {',
      '    /* … */',
      '    this.#d();',
      '  }',
      '}',
      'const short = () => 3;',
      '',
    ].join('\n');
    const measured = measureFile('folder/a.ts', text);
    expect(measured).toMatchObject({
      lines: 13,
      commentLines: 2,
      exports: ['a', 'C'],
      imports: ['other/b.ts'],
    });
    expect(measured.functions.toSorted()).toEqual([1, 3, 4]);
  });

  test('cycles, levels and repeated names', () => {
    const chain = [
      file('x/a.ts', 'x/b.ts'),
      file('x/b.ts', 'x/c.ts', 'y/d.ts'),
      file('x/c.ts'),
      file('y/d.ts'),
    ];
    expect(cyclesOf(chain)).toEqual([]);
    expect(importLevels(chain, 'x')).toBe(3);
    expect(cyclesOf([...chain.slice(0, 2), file('x/c.ts', 'x/a.ts')])).toEqual([
      ['x/a.ts', 'x/b.ts', 'x/c.ts'],
    ]);
    const named = (path: string, exports: readonly string[]) => ({ ...file(path), exports });
    expect(repeatedExports([named('a.ts', ['p', 'q']), named('b.ts', ['q'])])).toEqual(['q']);
  });

  test('a folder of the source is measured', () => {
    const files = measureSource(resolve(import.meta.dirname, '../../src/policy'));
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap(({ functions }) => functions).length).toBeGreaterThan(100);
  });
});
