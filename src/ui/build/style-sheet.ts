import { readFile } from 'node:fs/promises';
import { build, type Metafile, type Plugin } from 'esbuild';

/** What names the classes of a part of the design system; the rules stand beside it. */
const PART = /\/@patternfly\/react-styles\/css\/.*\.mjs$/;

/**
 * One style sheet for the whole page, of the parts of the design system that are left in its scripts. esbuild would take the rules of
 * every part that is reachable, used or not, in a style sheet for each lazy section, which nothing loads.
 */
export async function styleSheet(metafile: Metafile, first: string, last: string): Promise<Uint8Array> {
  const parts = Object.values(metafile.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([path, { bytesInOutput }]) => PART.test(path) && bytesInOutput > 0)
    .map(([path]) => path.replace(/mjs$/, 'css'));
  const files = [first, ...[...new Set(parts)].sort(), last];
  const { outputFiles } = await build({
    stdin: {
      contents: files.map((file) => `@import ${JSON.stringify(`./${file}`)};`).join('\n'),
      loader: 'css',
      resolveDir: process.cwd(),
    },
    bundle: true,
    minify: true,
    write: false,
    outdir: 'out',
    target: ['es2022'],
    plugins: [withoutAssets],
    logLevel: 'warning',
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

/** Fonts of the system are used, as the design system's own are 40 kB each; its pictures belong to themes that are not offered. */
export const withoutAssets: Plugin = {
  name: 'without-assets',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = text
        .replaceAll(/@font-face\s*\{[^}]*\}/g, '')
        .replaceAll(/url\(["']?\.\/assets\/images\/[^)]*\)/g, 'none');
      return { contents, loader: 'css' };
    });
  },
};
