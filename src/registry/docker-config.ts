import { readFile, stat } from 'node:fs/promises';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { parseDockerConfig, problemsFor, type DockerEntries } from './docker-entries.ts';
import { codeOf } from './faults.ts';

/** Milliseconds between two looks at whether the file changed. */
const RECHECK_MS = 1000;
/** A file with every registry of a large company is far below this. */
const MAX_FILE_BYTES = 1024 * 1024;

/** What the file holds, and what of it cannot be used. */
export interface DockerConfig extends Pick<DockerEntries, 'entries' | 'helpers'> {
  /** Why there may be no credentials for a repository, as sentences. @param host of image names, in lower case */
  missing(host: string, repository: string): readonly string[];
}

/** The credentials of a Docker `config.json`, read again when the file changes. */
export class DockerConfigFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #now: () => number;
  #content: DockerEntries = { entries: [], helpers: new Map(), notes: [] };
  #version = '';
  #checkedAt = -Infinity;
  #reading: Promise<void> | undefined;
  /** Why the file could not be read just now. */
  #problem: Problem | undefined;

  constructor(path: string, log: Logger, now: () => number = Date.now) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
  }

  /**
   * Reads the file for the first time. Here nothing was read before that could stay in force, so what is not a Docker configuration
   * is an error. A file that does not exist is only logged: a Secret can be mounted later.
   * @param options.mustExist whether that is an error as well
   * @throws Error that names the file and the reason, and nothing of its content
   */
  async start({ mustExist }: { readonly mustExist: boolean }): Promise<void> {
    await this.read();
    const problem = this.#problem;
    if (problem !== undefined && (mustExist || !problem.isAbsent))
      throw new Error(`the Docker configuration ${this.#path} cannot be used: ${problem.message}`);
  }

  /** What the file holds now, or held when it could last be read. */
  async read(): Promise<DockerConfig> {
    if (this.#now() - this.#checkedAt >= RECHECK_MS) {
      this.#reading ??= this.#refresh().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    const { entries, helpers } = this.#content;
    const whole =
      this.#problem === undefined ? [] : [`Countersign's own Docker configuration cannot be read`];
    return {
      entries,
      helpers,
      missing: (host, repository) => [
        ...whole,
        ...problemsFor(entries, host, repository).map(
          (problem) => `in Countersign's own Docker configuration ${problem}`,
        ),
      ],
    };
  }

  async #refresh(): Promise<void> {
    let problem: Problem | undefined;
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
        this.#content = parseDockerConfig(await readFile(this.#path, 'utf8'));
        this.#version = version;
        for (const note of this.#content.notes) this.#log.warn({ file: this.#path }, note);
      }
    } catch (error) {
      const code = codeOf(error);
      const message = code === '' ? asError(error).message : `it could not be read (${code})`;
      problem = { isAbsent: code === 'ENOENT', message };
    }
    // What was read before stays: a half-written file must not make every private image unreadable.
    if (problem !== undefined && problem.message !== this.#problem?.message)
      this.#log.error({ file: this.#path, error: problem.message }, 'registry credentials could not be read');
    this.#problem = problem;
    this.#checkedAt = this.#now();
  }
}

interface Problem {
  readonly isAbsent: boolean;
  readonly message: string;
}
