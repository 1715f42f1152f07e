import { readFile, stat } from 'node:fs/promises';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { parseDockerConfig, type DockerEntries } from './docker-entries.ts';

/** Milliseconds between two looks at whether the file changed. */
const RECHECK_MS = 1000;
/** A file with every registry of a large company is far below this. */
const MAX_FILE_BYTES = 1024 * 1024;

/** The credentials of a Docker `config.json`, read again when the file changes. */
export class DockerConfigFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #now: () => number;
  #entries: DockerEntries = { entries: [], helpers: new Map(), notes: [] };
  #version = '';
  #checkedAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(path: string, log: Logger, now: () => number = Date.now) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
  }

  /** What the file holds now, or held when it could last be read. */
  async read(): Promise<DockerEntries> {
    if (this.#now() - this.#checkedAt >= RECHECK_MS) {
      this.#reading ??= this.#refresh().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    return this.#entries;
  }

  async #refresh(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
        this.#entries = parseDockerConfig(await readFile(this.#path, 'utf8'));
        this.#version = version;
        for (const note of this.#entries.notes) this.#log.warn({ file: this.#path }, note);
      }
    } catch (error) {
      // What was read before stays: a half-written file must not make every private image unreadable.
      this.#log.error(
        { file: this.#path, error: asError(error).message },
        'registry credentials could not be read',
      );
    }
    this.#checkedAt = this.#now();
  }
}
