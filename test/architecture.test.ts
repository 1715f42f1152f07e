import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * The rings of docs/architecture.md: a file imports from its own folder and from lower rings; edges (ring 5) may use
 * kube/'s client; rings 0–3 hold no await, no clock, no environment and no network. The admin page (ui/) is in no ring: it talks to
 * the API, and takes nothing from the server but types.
 */
const SOURCE = resolve(import.meta.dirname, '../src');

const RING: Readonly<Record<string, number>> = {
  image: 1,
  sigstore: 1,
  slsa: 2,
  api: 2,
  policy: 3,
  async: 4,
  admission: 4,
  registry: 5,
  trust: 5,
  store: 5,
  kube: 5,
  tls: 5,
  history: 5,
  reading: 5,
  observe: 5,
  http: 6,
  admin: 6,
  cli: 7,
};

/** Files directly in src/. */
const FILE_RING: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  'log.ts': 0,
  'limits.ts': 0,
  'rfc3339.ts': 0,
  'strict-json.ts': 0,
  'config.ts': 7,
  'settings-schema.ts': 7,
};

/** What the webhook's listener and the admin page's share. */
const LISTENER_PARTS: readonly string[] = [
  'http/connection-limits.ts',
  'http/expect-continue.ts',
  'http/request-body.ts',
  'http/server-lifetime.ts',
];

/** What the inner rings may import from outside the project; everything else needs a reason to be listed here. */
const PACKAGES_OF_INNER_RINGS: Readonly<Record<number, readonly string[]>> = {
  0: [],
  1: [
    'node:crypto',
    'node:buffer',
    '@sigstore/bundle',
    '@sigstore/core',
    '@sigstore/verify',
    '@sigstore/protobuf-specs',
    '@noble/curves/ed25519.js',
  ],
  2: ['zod', 'yaml', 're2js', '@bufbuild/cel'],
  3: [],
};

interface Import {
  readonly file: string;
  readonly line: number;
  readonly target: string;
}

/** Problems with one file's text; used on the real tree and, to prove that it can fail, on texts that break each rule. */
function problemsOf(file: string, text: string): readonly string[] {
  if (file.startsWith('ui/')) return importsOf(file, text).flatMap((imported) => pageProblem(imported, text));
  const ring = ringOf(file);
  if (ring === undefined) return [`${file}: its folder is in no ring`];
  const problems = importsOf(file, text).flatMap((imported) => importProblem(imported, file, ring));
  if (ring <= 3) problems.push(...impurities(file, text));
  return problems;
}

/** What the page takes types from: the contract of the API, and the tree of why. */
const TYPES_OF_THE_PAGE = /^(?:admin\/schemas\/|admin\/problem\.ts$|policy\/explanation\.ts$)/;

function pageProblem({ file, line, target }: Import, text: string): string[] {
  if (!target.startsWith('.')) return [];
  const path = relative(SOURCE, resolve(SOURCE, dirname(file), target));
  if (path.startsWith('ui/')) return [];
  const statement =
    text
      .split('\n')
      .slice(0, line)
      .join('\n')
      .split(/;\s*\n/)
      .at(-1) ?? '';
  const isType = /^\s*import type\b/m.test(statement) && TYPES_OF_THE_PAGE.test(path);
  return isType ? [] : [`${file}:${line}: the page must not import ${path}`];
}

function ringOf(file: string): number | undefined {
  const [folder, ...rest] = file.split('/');
  if (folder === undefined) return undefined;
  return rest.length === 0 ? FILE_RING[folder] : RING[folder];
}

function importsOf(file: string, text: string): readonly Import[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length,
    target: match[1] ?? '',
  }));
}

function importProblem({ line, target }: Import, file: string, ring: number): string[] {
  if (!target.startsWith('.')) {
    const allowed = PACKAGES_OF_INNER_RINGS[ring];
    return allowed === undefined || allowed.includes(target)
      ? []
      : [`${file}:${line}: ring ${ring} must not import ${target}`];
  }
  const path = relative(SOURCE, resolve(SOURCE, dirname(file), target));
  const targetRing = ringOf(path);
  const sameFolder = dirname(path).split('/')[0] === dirname(file).split('/')[0];
  if (targetRing === undefined) return [`${file}:${line}: ${target} is in no ring`];
  if (sameFolder || targetRing < ring) return [];
  if (ring === 5 && path.startsWith('kube/')) return [];
  // What a policy asks of provenance is read into the words of the folder that judges it; it knows nothing of resources.
  if (file.startsWith('api/') && path.startsWith('slsa/')) return [];
  // Every listener bounds its connections, its bodies and its end alike.
  if (file.startsWith('admin/') && LISTENER_PARTS.includes(path)) return [];
  // The composition root and its settings.
  if (ring === 7 && targetRing === 7) return [];
  return [`${file}:${line}: ring ${ring} must not import ${path} of ring ${targetRing}`];
}

const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\bawait\b|\basync\b|\bnew Promise\b/, 'waits'],
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bhrtime\b/, 'reads the clock'],
  [/\bprocess\.(?:env|argv|cwd|platform)\b/, 'reads the environment'],
  [/\bfetch\(|node:(?:net|http|https|tls|dns|fs|dgram|child_process)/, 'reaches out'],
  [/\bMath\.random\b|\brandomBytes\b|\brandomUUID\b/, 'is random'],
];

function impurities(file: string, text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\/\/.*$|^\s*\*.*$|^\s*\/\*.*$/, ''))
    .flatMap((line, index) =>
      IMPURE.filter(([pattern]) => pattern.test(line)).map(([, what]) => `${file}:${index + 1}: ${what}`),
    );
}

function sourceFiles(folder = SOURCE): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(entry.name) ? [relative(SOURCE, path)] : [];
  });
}

describe('the rings', () => {
  test('every source file keeps to its ring', () => {
    const files = sourceFiles();
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap((file) => problemsOf(file, readFileSync(join(SOURCE, file), 'utf8')))).toEqual([]);
  });

  test.each([
    ['policy/evaluate.ts', "import { validate } from '../admission/validate.ts';", 'must not import'],
    ['sigstore/verify.ts', "import { parseImageReference } from '../image/reference.ts';", 'must not import'],
    ['policy/evaluate.ts', "import { readFileSync } from 'node:fs';", 'must not import node:fs'],
    ['store/file-store.ts', "import { x } from '../registry/endpoint.ts';", 'must not import'],
    ['policy/evaluate.ts', 'const now = Date.now();', 'reads the clock'],
    ['policy/evaluate.ts', 'const now = new Date();', 'reads the clock'],
    ['api/schema.ts', 'const debug = process.env.DEBUG;', 'reads the environment'],
    ['sigstore/verify.ts', 'const answer = await ask();', 'waits'],
    ['admin/api.ts', "import { WebhookServer } from '../http/webhook-server.ts';", 'must not import'],
    ['image/reference.ts', "const answer = fetch('https://example.com');", 'reaches out'],
    ['elsewhere/file.ts', '', 'is in no ring'],
    ['ui/app/app.tsx', "import { PROBLEMS } from '../../admin/problem.ts';", 'the page must not import'],
    [
      'ui/app/app.tsx',
      "import type { Snapshot } from '../../policy/snapshot.ts';",
      'the page must not import',
    ],
    ['admin/page.ts', "import { strings } from '../ui/strings.ts';", 'is in no ring'],
  ])('a forbidden line in %s is found: %s', (file, line, problem) => {
    expect(problemsOf(file, line).join('\n')).toContain(problem);
  });

  test('an edge may use the cluster client', () => {
    expect(
      problemsOf('store/kubernetes-store.ts', "import { KubeClient } from '../kube/client.ts';"),
    ).toEqual([]);
  });
});
