import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { build, type OutputFile } from 'esbuild';
import { compressed } from './compressed.ts';
import { chunkOf, FIRST_LOAD_LIMIT, firstLoadReport, scriptsOf, type LoadedFile } from './first-load.ts';
import { styleSheet, withoutAssets } from './style-sheet.ts';

/** Builds the admin page: `node src/ui/build/build.ts` writes `dist/ui`. Fails when a first visit would fetch too much. */

const ROOT = resolve(import.meta.dirname, '../../..');
const UI = 'src/ui';
const OUT = 'dist/ui';
const PUBLIC_PATH = '/admin/assets/';
const MAIN = `${UI}/main.tsx`;
/** What the Overview fetches beside the page itself. */
const OVERVIEW = [`${UI}/overview/overview-page.tsx`, `${UI}/overview/chart-library.ts`];

process.chdir(ROOT);
rmSync(OUT, { recursive: true, force: true });
mkdirSync(join(OUT, 'assets'), { recursive: true });

const { metafile, outputFiles } = await build({
  entryPoints: [MAIN],
  outdir: `${OUT}/assets`,
  publicPath: PUBLIC_PATH,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  target: ['es2022'],
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'external',
  tsconfig: `${UI}/tsconfig.json`,
  plugins: [withoutAssets],
  metafile: true,
  write: false,
  logLevel: 'warning',
});

/** Compressed sizes by path from the project's root. */
const sizes = new Map<string, number>();

for (const { path, contents } of outputFiles.filter(isShipped)) {
  emit(relative(ROOT, path), contents);
}
const style = emitHashed(
  'style.css',
  await styleSheet(metafile, 'node_modules/@patternfly/react-core/dist/styles/base.css', `${UI}/app.css`),
);
const theme = emitHashed('theme.js', await themeScript());
const icon = emitHashed('icon.svg', readFileSync(`${UI}/icon.svg`));
const main = scriptsOf(metafile, [MAIN]);
const page = emit(`${OUT}/index.html`, Buffer.from(html()));

const firstLoad: readonly LoadedFile[] = [
  page,
  theme,
  style,
  icon,
  ...scriptsOf(metafile, [MAIN, ...OVERVIEW]),
].map((path) => ({ name: basename(path), bytes: sizes.get(path) ?? Number.NaN }));
const { total, text } = firstLoadReport(firstLoad);
console.log(text);
if (!(total <= FIRST_LOAD_LIMIT)) {
  console.error(`the first load is larger than ${FIRST_LOAD_LIMIT} bytes`);
  process.exitCode = 1;
}

/** esbuild's own style sheets are replaced by the one of `style-sheet.ts`. */
function isShipped({ path, contents }: OutputFile): boolean {
  return !path.endsWith('.css') && !(path.endsWith('.LEGAL.txt') && contents.length === 0);
}

function emit(path: string, contents: Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  const { brotli, gzip } = compressed(contents);
  writeFileSync(path, contents);
  writeFileSync(`${path}.br`, brotli);
  writeFileSync(`${path}.gz`, gzip);
  sizes.set(path, brotli.length);
  return path;
}

function emitHashed(name: string, contents: Uint8Array): string {
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 8).toUpperCase();
  const [stem = name, extension = ''] = name.split('.');
  return emit(`${OUT}/assets/${stem}-${hash}.${extension}`, contents);
}

/** Runs before the first paint, so that a dark page does not flash white. */
async function themeScript(): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [`${UI}/app/theme-boot.ts`],
    bundle: true,
    format: 'iife',
    minify: true,
    target: ['es2022'],
    write: false,
    tsconfig: `${UI}/tsconfig.json`,
  });
  return result.outputFiles[0]?.contents ?? new Uint8Array();
}

function url(path: string): string {
  return PUBLIC_PATH + basename(path);
}

function html(): string {
  const [entry = '', ...imported] = [chunkOf(metafile, MAIN), ...main.slice(1)];
  const head = [
    `<link rel="icon" href="${url(icon)}" type="image/svg+xml" />`,
    `<link rel="stylesheet" href="${url(style)}" />`,
    `<script src="${url(theme)}"></script>`,
    `<script type="module" src="${url(entry)}"></script>`,
    ...imported.map((path) => `<link rel="modulepreload" href="${url(path)}" />`),
  ];
  return readFileSync(`${UI}/index.html`, 'utf8').replace('<!-- head -->', head.join('\n    '));
}
