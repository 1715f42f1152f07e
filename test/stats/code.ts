import { readFileSync, globSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseSync } from '@swc/core';

/** One source file, measured. Paths are relative to `src/`. */
export interface FileStats {
  readonly path: string;
  readonly lines: number;
  readonly commentLines: number;
  /** Lines of each function or method, in no order. */
  readonly functions: readonly number[];
  readonly exports: readonly string[];
  /** Files of the project that it imports, types included. */
  readonly imports: readonly string[];
}

const SOURCE = resolve(import.meta.dirname, '../../src');

/** Measures every TypeScript file below `src/`. */
export function measureSource(root = SOURCE): readonly FileStats[] {
  return globSync('**/*.{ts,tsx}', { cwd: root })
    .toSorted()
    .map((path) => measureFile(path, readFileSync(join(root, path), 'utf8')));
}

/** @param path relative to `src/` */
export function measureFile(path: string, text: string): FileStats {
  const rows = text.split('\n');
  return {
    path,
    lines: rows.length - (rows.at(-1) === '' ? 1 : 0),
    commentLines: rows.filter((row) => /^\s*(?:\/\/|\/\*|\*)/.test(row)).length,
    functions: functionLines(path, text),
    exports: [...text.matchAll(/^export (?:async )?(?:function|class|const|let|interface|type) (\w+)/gm)].map(
      ([, name = '']) => name,
    ),
    imports: [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) =>
      relative('/', resolve('/', dirname(path), target)),
    ),
  };
}

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
  'MethodProperty',
]);

/** Length of each function that has a body of statements, nested ones included. */
function functionLines(path: string, text: string): readonly number[] {
  // swc gives offsets in bytes, from 1.
  const bytes = Buffer.from(text);
  const module = parseSync(text, { syntax: 'typescript', tsx: path.endsWith('.tsx'), target: 'es2024' });
  const found: number[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (typeof node !== 'object' || node === null) return;
    const { type, span, body, function: inner } = node as Readonly<Record<string, unknown>>;
    const block = (inner as { body?: unknown } | undefined)?.body ?? body;
    if (FUNCTIONS.has(String(type)) && (block as { type?: unknown } | undefined)?.type === 'FunctionBody') {
      const own = ((inner as { span?: unknown } | undefined)?.span ?? span) as { start: number; end: number };
      const part = bytes.subarray(own.start - 1, own.end - 1).toString();
      found.push(part.split('\n').length);
    }
    for (const value of Object.values(node)) walk(value);
  };
  walk(module);
  return found;
}

/** Groups of files that import one another, directly or through others; each with more than one file. */
export function cyclesOf(files: readonly FileStats[]): readonly (readonly string[])[] {
  const imports = new Map(files.map(({ path, imports: targets }) => [path, targets]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path) ?? 0);
    stack.push(path);
    for (const target of imports.get(path) ?? []) {
      if (!imports.has(target)) continue;
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(path, Math.min(low.get(path) ?? 0, low.get(target) ?? 0));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) cycles.push(group.toSorted());
  };
  for (const { path } of files) if (!index.has(path)) visit(path);
  return cycles;
}

/** The longest chain of imports within one folder: how many files deep a reader may have to go. Cycles count once. */
export function importLevels(files: readonly FileStats[], folder: string): number {
  const own = new Map(
    files
      .filter(({ path }) => path.startsWith(`${folder}/`))
      .map(({ path, imports }) => [path, imports] as const),
  );
  const depth = new Map<string, number>();
  const visit = (path: string): number => {
    const known = depth.get(path);
    if (known !== undefined) return known;
    depth.set(path, 0);
    const below = (own.get(path) ?? []).filter((target) => own.has(target)).map(visit);
    const levels = 1 + Math.max(0, ...below);
    depth.set(path, levels);
    return levels;
  };
  return Math.max(0, ...[...own.keys()].map(visit));
}

/** Names that more than one file exports. */
export function repeatedExports(files: readonly FileStats[]): readonly string[] {
  const count = new Map<string, number>();
  for (const { exports } of files)
    for (const name of new Set(exports)) count.set(name, (count.get(name) ?? 0) + 1);
  return [...count].filter(([, times]) => times > 1).map(([name]) => name);
}
