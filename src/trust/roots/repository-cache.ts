import { createHash } from 'node:crypto';
import { mkdir, open, rename, stat, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { LIMITS } from '../../limits.ts';
import { parseStrictJson } from '../../strict-json.ts';
import type { RepositoryFiles } from './repository-files.ts';
import type { Seen } from './tuf-client.ts';

/** What one refresh verified. Nothing of it is believed when it is read back: it is a small mirror, verified like any other. */
export interface Saved {
  readonly seen: Seen;
  readonly target: Uint8Array;
  /** Milliseconds since the epoch. For people only. */
  readonly refreshedAt: number;
}

/** The public good instance's takes 60 KB. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const FILE = z.strictObject({
  format: z.literal(1),
  refreshedAt: z.number().min(0),
  roots: z.array(base64).max(LIMITS.tufRootRotations),
  metadata: z.record(z.string(), base64),
  target: base64,
});

/** One file per repository, replaced whole. */
export class RepositoryCache {
  readonly #directory: string;
  readonly #file: string;

  /** @param identity what tells this repository from others */
  constructor(directory: string, identity: string) {
    this.#directory = directory;
    this.#file = join(directory, `${createHash('sha256').update(identity).digest('hex')}.json`);
  }

  /** Undefined when there is none. @throws Error for one that cannot be read */
  async load(): Promise<Saved | undefined> {
    const size = await stat(this.#file).then((found) => found.size, undefinedWhereMissing);
    if (size === undefined) return undefined;
    if (size > MAX_FILE_BYTES) throw new Error(`${this.#file} is longer than ${MAX_FILE_BYTES} bytes`);
    const { refreshedAt, roots, metadata, target } = FILE.parse(
      parseStrictJson(await readFile(this.#file), 'the cache'),
    );
    return { seen: { roots, metadata: new Map(Object.entries(metadata)) }, target, refreshedAt };
  }

  /** @throws Error where nothing can be written */
  async save({ seen, target, refreshedAt }: Saved): Promise<void> {
    const metadata = Object.fromEntries([...seen.metadata].map(([name, bytes]) => [name, encode(bytes)]));
    const text = JSON.stringify({
      format: 1,
      refreshedAt,
      roots: seen.roots.map(encode),
      metadata,
      target: encode(target),
    });
    if (text.length > MAX_FILE_BYTES)
      throw new Error(`more than ${MAX_FILE_BYTES} bytes would have to be kept`);
    // The last folder of the path only: making all of them never ends on file systems that refuse them as /proc does.
    await mkdir(this.#directory).catch(undefinedWhereThere);
    const draft = `${this.#file}.${process.pid}.new`;
    try {
      const handle = await open(draft, 'w', 0o600);
      try {
        await handle.writeFile(text);
      } finally {
        await handle.close();
      }
      await rename(draft, this.#file);
    } finally {
      await rm(draft, { force: true });
    }
  }
}

/** What was kept, as a repository: versions and hashes in names are taken off. */
export function savedFiles({ seen, target }: Saved): RepositoryFiles {
  return {
    read: (path) => {
      if (path.startsWith('targets/')) return Promise.resolve(target);
      // Roots are given to the client as what was seen.
      if (path.endsWith('.root.json')) return Promise.resolve(undefined);
      return Promise.resolve(seen.metadata.get(path.replace(/^[0-9]+\./, '')));
    },
  };
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function undefinedWhereThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function undefinedWhereMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
