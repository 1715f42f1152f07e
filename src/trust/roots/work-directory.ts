import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepositoryProblem } from './repository-files.ts';

/** Present and in memory in every container, also where the rest of the file system is read-only. */
const SHARED_MEMORY = '/dev/shm';

/**
 * The TUF client keeps its metadata in files while it works. They live as long as one refresh.
 * @param fallback where to make them when the system's folder for such files cannot be written; then comes shared memory
 * @throws RepositoryProblem when nothing can be written anywhere
 */
export async function withWorkDirectory<T>(
  fallback: string | undefined,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await make([tmpdir(), ...(fallback === undefined ? [] : [fallback]), SHARED_MEMORY]);
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
