import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { LIMITS } from '../../limits.ts';
import { RepositoryProblem, type RepositoryFiles } from './repository-files.ts';
import { codeOf } from './request-problem.ts';
import { readTar } from './tar.ts';

const unzip = promisify(gunzip);

/**
 * A repository inside a gzipped tar. Names are compared byte for byte, and nothing is ever written to a disk.
 * @throws RepositoryProblem for what is not such an archive, or is above a limit
 */
export async function openArchive(archive: Uint8Array): Promise<RepositoryFiles> {
  if (archive.length > LIMITS.tufArchiveBytes) {
    throw new RepositoryProblem(`it has ${archive.length} bytes, and ${LIMITS.tufArchiveBytes} are accepted`);
  }
  const files = readTar(await unpack(archive));
  if (!files.has('timestamp.json')) {
    throw new RepositoryProblem(
      'it has no timestamp.json at its top; make it inside the repository: tar -czf repository.tgz -C repository .',
    );
  }
  return {
    read: (path, maxBytes) => {
      const bytes = files.get(path);
      return bytes !== undefined && bytes.length > maxBytes
        ? Promise.reject(new RepositoryProblem(`${path} is longer than ${maxBytes} bytes`))
        : Promise.resolve(bytes);
    },
  };
}

/** Beside the event loop, and no further than the limit: a few KB can describe gigabytes. */
async function unpack(archive: Uint8Array): Promise<Buffer> {
  try {
    return await unzip(archive, { maxOutputLength: LIMITS.tufArchiveUnpackedBytes });
  } catch (cause) {
    const isLong = codeOf(cause) === 'ERR_BUFFER_TOO_LARGE';
    throw new RepositoryProblem(
      isLong ? `it unpacks to more than ${LIMITS.tufArchiveUnpackedBytes} bytes` : 'it is not a gzip file',
      { cause },
    );
  }
}
