import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepositoryProblem } from './repository-files.ts';

/** Present and in memory in every container, also where the rest of the file system is read-only. */
const SHARED_MEMORY = '/dev/shm';

/** Folders to work in, the best first. @param cacheDirectory the setting */
export function workParents(cacheDirectory: string | undefined): readonly string[] {
  return [tmpdir(), ...(cacheDirectory === undefined ? [] : [cacheDirectory]), SHARED_MEMORY];
}

/**
 * The TUF client keeps its metadata in files while it works. They live as long as one refresh.
 * @param parents the first of these that can be written is taken
 * @throws RepositoryProblem when none can
 */
export async function withWorkDirectory<T>(
  parents: readonly string[],
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await make(parents);
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function make(parents: readonly string[]): Promise<string> {
  let last: unknown;
  for (const parent of parents) {
    try {
      return await mkdtemp(join(parent, 'countersign-tuf-'));
    } catch (error) {
      last = error;
    }
  }
  throw new RepositoryProblem(
    'no folder can be written; mount an emptyDir and name it in trustRoots.cacheDirectory',
    { cause: last },
  );
}
