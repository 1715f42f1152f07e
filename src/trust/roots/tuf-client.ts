import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Updater, type Fetcher, type TargetFile } from 'tuf-js';
import { LIMITS } from '../../limits.ts';
import { asError } from '../../errors.ts';
import { BoundedReader } from './bounded-reader.ts';
import { checkMetadata, readHeader } from './metadata-header.ts';
import { RepositoryProblem, type RepositoryFiles } from './repository-files.ts';
import { updaterProblem } from './updater-problem.ts';
import { withWorkDirectory } from './work-directory.ts';

/** What trust in a repository begins with, and what is wanted of it. */
export interface Anchor {
  /** Text of a root.json. */
  readonly root: string;
  /** Name of a target. */
  readonly target: string;
}

/** Metadata that was verified before, which later answers must not undercut. It is verified again wherever it is used. */
export interface Seen {
  /** The roots that follow the anchor's, one version after the other. */
  readonly roots: readonly Uint8Array[];
  /** Every file that was used, by its name without a version: `timestamp.json`. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

export const NOTHING_SEEN: Seen = { roots: [], metadata: new Map() };

/** A target with the metadata that vouches for it. */
export interface Verified {
  readonly target: Uint8Array;
  /** Milliseconds since the epoch: the earliest end of any metadata on the way to it. */
  readonly expires: number;
}

export interface Update {
  /** Also after a failure: a root that was verified stays verified. */
  readonly seen: Seen;
  readonly outcome: Verified | RepositoryProblem;
}

export interface UpdateOptions {
  readonly anchor: Anchor;
  readonly files: RepositoryFiles;
  readonly seen: Seen;
  /** Folders to work in, the best first. */
  readonly workParents: readonly string[];
  readonly signal: AbortSignal;
}

/** The client appends names to it and hands the whole back to us: nothing is ever asked of it. */
const BASE = 'https://tuf.invalid/';
/** What tells the client which versions are too old (§5.4.3, §5.5.5). Other old metadata would only save a request. */
const ROLLBACK_GUARDS = ['timestamp.json', 'snapshot.json'];
/** A file beside the others: neither a path, nor one that a URL or a reader could take for one. */
const TARGET_NAME = /^[-\w][-.\w]{0,252}$/;
/** A target's hash that can stand in its file name, and that is worth anything. */
const HASH_HEX: Readonly<Record<string, RegExp>> = {
  sha256: /^[0-9a-f]{64}$/,
  sha512: /^[0-9a-f]{128}$/,
};

/**
 * One run of the client workflow of the TUF specification (§5.3–5.7) with `tuf-js`, which does all the verifying; only bytes, bounds
 * and the way to the files are ours. Expiry is judged by the clock of this process. Never throws.
 */
export async function updateRepository(options: UpdateOptions): Promise<Update> {
  try {
    return await withWorkDirectory(options.workParents, (directory) => update(directory, options));
  } catch (error) {
    return { seen: options.seen, outcome: problemOf(error) };
  }
}

async function update(directory: string, options: UpdateOptions): Promise<Update> {
  const { anchor, files, seen, signal } = options;
  if (!TARGET_NAME.test(anchor.target)) {
    throw new RepositoryProblem(
      'the name of its target may have letters, digits, ".", "_" and "-", and no path',
    );
  }
  const reader = new BoundedReader(files, signal);
  const first = readHeader(Buffer.from(anchor.root), 'root.json').version;
  const roots = await rootsAfter(first, seen.roots, reader);
  await writeFile(join(directory, 'root.json'), anchor.root);
  for (const name of ROLLBACK_GUARDS) {
    const bytes = seen.metadata.get(name);
    if (bytes !== undefined && isMetadata(bytes)) await writeFile(join(directory, name), bytes);
  }
  let outcome: Verified | RepositoryProblem;
  try {
    outcome = await verify(
      directory,
      anchor.target,
      reader,
      new Map(roots.map((root, i) => [first + 1 + i, root])),
    );
  } catch (error) {
    // The client wraps what our reader throws into a text.
    outcome = reader.problem ?? problemOf(error);
  }
  return { seen: await seenIn(directory, first, roots), outcome };
}

async function verify(
  directory: string,
  target: string,
  reader: BoundedReader,
  roots: ReadonlyMap<number, Uint8Array>,
): Promise<Verified> {
  const updater = new Updater({
    metadataDir: directory,
    metadataBaseUrl: BASE,
    fetcher: metadataFetcher(reader, roots),
    config: { maxRootRotations: roots.size },
  });
  const info = await updater.getTargetInfo(target);
  if (info === undefined) throw new RepositoryProblem(`it has no target named ${target}`);
  const bytes = await readTarget(info, directory, reader);
  await info.verify(Readable.from([bytes]));
  return { target: bytes, expires: await earliestExpiry(directory) };
}

/** The roots after the first, one after the other, as the specification asks; they are verified afterwards, in this order. */
async function rootsAfter(
  first: number,
  known: readonly Uint8Array[],
  reader: BoundedReader,
): Promise<readonly Uint8Array[]> {
  const bad = known.findIndex((root) => !isMetadata(root));
  const roots = known.slice(0, bad === -1 ? known.length : bad);
  for (;;) {
    const next = await reader.read(`${first + 1 + roots.length}.root.json`, LIMITS.tufMetadataBytes);
    if (next === undefined) return roots;
    if (roots.length >= LIMITS.tufRootRotations) {
      throw new RepositoryProblem(
        `more than ${LIMITS.tufRootRotations} roots follow the one that trust begins with; give a newer root.json`,
      );
    }
    checkMetadata(next, 'root.json');
    roots.push(next);
  }
}

function metadataFetcher(reader: BoundedReader, roots: ReadonlyMap<number, Uint8Array>): Fetcher {
  return {
    downloadBytes: async (url, maxLength) => {
      const name = url.slice(BASE.length);
      const version = /^([1-9][0-9]*)\.root\.json$/.exec(name)?.[1];
      const root = version === undefined ? undefined : roots.get(Number(version));
      if (root !== undefined) return Buffer.from(root);
      return reader.metadata(name, maxLength);
    },
    downloadFile: () => Promise.reject(new RepositoryProblem('targets are not read into files')),
  };
}

/** Consistent snapshots put a hash before the last part of the name (§6.2); any of the target's hashes will do. */
async function readTarget(info: TargetFile, directory: string, reader: BoundedReader): Promise<Buffer> {
  const hashes = Object.entries(info.hashes).filter(([kind, hash]) => HASH_HEX[kind]?.test(hash) === true);
  // The client takes a target that has a length and no hash.
  if (hashes.length === 0)
    throw new RepositoryProblem(`${info.path} has no SHA-256 or SHA-512 in its metadata`);
  if (info.length > LIMITS.trustRootBytes) {
    throw new RepositoryProblem(`${info.path} is longer than ${LIMITS.trustRootBytes} bytes`);
  }
  const { consistentSnapshot } = readHeader(await readFile(join(directory, 'root.json')), 'root.json');
  const names = consistentSnapshot ? hashes.map(([, hash]) => `${hash}.${info.path}`) : [info.path];
  for (const name of names) {
    const bytes = await reader.read(`targets/${name}`, info.length);
    if (bytes !== undefined) return Buffer.from(bytes);
  }
  throw new RepositoryProblem(`the file of its target ${info.path} is missing`);
}

/** All that the client wrote is metadata that it verified and used; what it did not use was not in the folder. */
async function earliestExpiry(directory: string): Promise<number> {
  const names = await readdir(directory);
  const headers = await Promise.all(
    names.map(async (name) => readHeader(await readFile(join(directory, name)), name)),
  );
  return Math.min(...headers.map(({ expires }) => expires));
}

async function seenIn(directory: string, first: number, roots: readonly Uint8Array[]): Promise<Seen> {
  const last = readHeader(await readFile(join(directory, 'root.json')), 'root.json').version;
  const names = (await readdir(directory)).filter((name) => name !== 'root.json');
  const metadata = await Promise.all(
    names.map(async (name) => [name, await readFile(join(directory, name))] as const),
  );
  return { roots: roots.slice(0, last - first), metadata: new Map(metadata) };
}

function isMetadata(bytes: Uint8Array): boolean {
  try {
    return checkMetadata(bytes, '') !== undefined;
  } catch {
    return false;
  }
}

function problemOf(error: unknown): RepositoryProblem {
  return error instanceof RepositoryProblem ? error : updaterProblem(asError(error));
}
