import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** Text of one file, or why it could not be had. `changedAt` is its modification time, milliseconds since the epoch. */
export type FileText =
  | { readonly kind: 'text'; readonly text: string; readonly changedAt: number }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** More than that is a mistake in the path. */
export const MAX_FILES = 1_000;

export interface PolicyFiles {
  /** By name. */
  readonly files: ReadonlyMap<string, FileText>;
  /** Names of files that are no policy files by their names; a misnamed policy may be among them. */
  readonly ignored: readonly string[];
}

/**
 * The policy files of a directory (`*.yaml`, `*.yml`, `*.json` in any case, not below it), or the one file that the path
 * names. Names that start with a dot are left out: a ConfigMap's mount keeps its versions there.
 * @throws Error when the directory itself cannot be read.
 */
export async function readPolicyFiles(path: string): Promise<PolicyFiles> {
  if (!(await stat(path)).isDirectory()) {
    return { files: new Map([[basename(path), await readText(path)]]), ignored: [] };
  }
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > MAX_FILES) throw new Error(`${path} has more than ${MAX_FILES} files`);
  const files = new Map<string, FileText>();
  const ignored: string[] = [];
  for (const name of names) {
    const file = join(path, name);
    if (/\.(?:ya?ml|json)$/i.test(name)) files.set(name, await readText(file));
    else if (!isForPeople(name) && (await isRegular(file))) ignored.push(name);
  }
  return { files, ignored };
}

function isForPeople(name: string): boolean {
  return /^readme|\.md$/i.test(name);
}

async function isRegular(file: string): Promise<boolean> {
  // One that is gone meanwhile needs no report.
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function readText(file: string): Promise<FileText> {
  try {
    // Reading a pipe or a device would wait for ever.
    const { isFile, mtimeMs } = await stat(file).then((found) => ({
      isFile: found.isFile(),
      mtimeMs: found.mtimeMs,
    }));
    if (!isFile) return { kind: 'unreadable', reason: 'is not a file' };
    const text = await readAtMost(file, LIMITS.policyFileBytes);
    return { kind: 'text', text, changedAt: mtimeMs };
  } catch (error) {
    return { kind: 'unreadable', reason: asError(error).message };
  }
}

async function readAtMost(file: string, limit: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw new Error(`has more than ${limit} bytes`);
      chunks.push(chunk);
    }
    // What is not UTF-8 is an error rather than a text of question marks.
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } finally {
    await handle.close();
  }
}
