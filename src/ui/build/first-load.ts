import type { Metafile } from 'esbuild';

/** Bytes, compressed with Brotli, that a first visit of the Overview may fetch (issue 6). */
export const FIRST_LOAD_LIMIT = 350_000;

/** Scripts that a visit of these modules fetches: their chunks, and all that those import at once. */
export function scriptsOf(metafile: Metafile, modules: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const follow = (output: string) => {
    if (found.has(output)) return;
    found.add(output);
    for (const { path, kind } of metafile.outputs[output]?.imports ?? []) {
      if (kind === 'import-statement') follow(path);
    }
  };
  for (const module of modules) follow(chunkOf(metafile, module));
  return [...found];
}

/** The chunk that a module is the entry of. @throws Error when it is none: a lazy import has become an ordinary one */
export function chunkOf({ outputs }: Metafile, module: string): string {
  const found = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === module);
  if (found === undefined) throw new Error(`${module} has no chunk of its own`);
  return found[0];
}

export interface LoadedFile {
  readonly name: string;
  /** Compressed. */
  readonly bytes: number;
}

/** The sum as people read it, one file a line. */
export function firstLoadReport(files: readonly LoadedFile[]): {
  readonly total: number;
  readonly text: string;
} {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const lines = files.map(({ name, bytes }) => `${kilobytes(bytes).padStart(10)}  ${name}`);
  const limit = `of at most ${kilobytes(FIRST_LOAD_LIMIT)}`;
  return { total, text: [...lines, `${kilobytes(total).padStart(10)}  first load, ${limit}`].join('\n') };
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
