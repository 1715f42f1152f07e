import { LIMITS } from '../../limits.ts';
import { checkMetadata } from './metadata-header.ts';
import { RepositoryProblem, type RepositoryFiles } from './repository-files.ts';

/** Reads for one refresh: within its bytes and its time, and remembers the first thing that went wrong. */
export class BoundedReader {
  readonly #files: RepositoryFiles;
  readonly #signal: AbortSignal;
  #left: number = LIMITS.tufRefreshBytes;
  #problem: RepositoryProblem | undefined;

  constructor(files: RepositoryFiles, signal: AbortSignal) {
    this.#files = files;
    this.#signal = signal;
  }

  get problem(): RepositoryProblem | undefined {
    return this.#problem;
  }

  /** @throws RepositoryProblem */
  async read(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    try {
      // Also the way of an archive, which never waits, has to end.
      if (this.#signal.aborted) throw new RepositoryProblem('reading it took too long');
      const bytes = await this.#files.read(path, Math.min(maxBytes, this.#left), this.#signal);
      this.#left -= bytes?.length ?? 0;
      return bytes;
    } catch (error) {
      throw this.#remember(error);
    }
  }

  /** The bytes of a metadata file that must be there. @throws RepositoryProblem */
  async metadata(name: string, maxBytes: number): Promise<Buffer> {
    try {
      const bytes = await this.read(name, Math.min(maxBytes, LIMITS.tufMetadataBytes));
      if (bytes === undefined) throw new RepositoryProblem(`its ${name} is missing`);
      checkMetadata(bytes, name);
      return Buffer.from(bytes);
    } catch (error) {
      throw this.#remember(error);
    }
  }

  #remember(error: unknown): unknown {
    if (error instanceof RepositoryProblem) this.#problem ??= error;
    return error;
  }
}
