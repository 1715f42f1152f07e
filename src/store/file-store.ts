import { watch, type FSWatcher } from 'node:fs';
import type { NamespaceSource, SnapshotSource } from '../admission/ports.ts';
import { describeFileProblem, type FileProblem } from '../api/policy-file.ts';
import type { Resource } from '../api/resources.ts';
import { asError, Fault } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Labels } from './namespace-labels.ts';
import { readPolicyFiles } from './policy-files.ts';
import { PolicySet } from './policy-set.ts';
import { readinessOf, type Readiness } from './readiness.ts';
import { SnapshotBuilder, type SnapshotListener } from './snapshot-builder.ts';
import type { TrustMaterialSource } from './trust-material-source.ts';

export interface FileStoreOptions {
  /** A directory of policy files, or one file. */
  readonly path: string;
  readonly trust: TrustMaterialSource;
  readonly logger: Logger;
  /** Milliseconds between looks at the files, beside those that the file system asks for. */
  readonly pollInterval?: number;
  /** Milliseconds without a successful look after which the snapshot is too old to decide with. */
  readonly maxSnapshotAge?: number;
  /** A monotonic clock, milliseconds. */
  readonly now?: () => number;
  /** Milliseconds since the epoch, as the file system has it. */
  readonly wall?: () => number;
}

const settle = 110;
const NOT_READ = 'is not read: the name of a policy file ends in .yaml, .yml or .json';

/** Policies, signers and trust roots from files: the same documents as in a cluster, without one. */
export class FileStore implements SnapshotSource, NamespaceSource {
  readonly #options: FileStoreOptions;
  readonly #now: () => number;
  readonly #set = new PolicySet();
  readonly #builder: SnapshotBuilder;
  readonly #forgetTrust: () => void;
  #ignored: readonly string[] = [];
  #lastRead: number | undefined;
  #lastError: string | undefined;
  #told = '';
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: FileStoreOptions) {
    const { trust, logger } = options;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#builder = new SnapshotBuilder({ resources: () => this.#set.resources(), trust, logger });
    this.#forgetTrust = trust.onChange(() => {
      if (this.#lastRead !== undefined) this.#builder.touch();
    });
  }

  /** Returns after the first look, whether or not it found anything that can be used: see `readiness()`. */
  async start(): Promise<void> {
    const { pollInterval = 2_000 } = this.#options;
    await this.#look();
    this.#watch();
    this.#poll = setInterval(() => {
      if (this.#watcher === undefined) this.#watch();
      void this.#look();
    }, pollInterval);
  }

  /**
   * Looks at the files now: what this process wrote itself counts without the pauses that somebody else's half-written files need.
   * @param own texts that were written, by name of the file; undefined = the file was removed
   * @returns whether reviews are decided by them
   */
  async refresh(own: ReadonlyMap<string, string | undefined>): Promise<boolean> {
    // A look under way may have read the files before they were written.
    while (this.#looking !== undefined) await this.#looking;
    await this.#look(own);
    if ([...own].some(([name, text]) => this.#set.textOf(name) !== text)) return false;
    try {
      this.current();
      return true;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#forgetTrust();
    this.#watcher?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    await this.#looking;
    this.#builder.stop();
  }

  /** @throws Fault NOT_SYNCED while a file was never read, none could be for too long, or none holds a policy; INTERNAL for a defect. */
  current(): Snapshot {
    const [reason] = this.#reasons('');
    if (reason !== undefined) throw new Fault('NOT_SYNCED', `The signing policies are not known: ${reason}.`);
    const snapshot = this.#builder.newest();
    if (snapshot === undefined) throw new Fault('NOT_SYNCED', 'The signing policies are not compiled yet.');
    return snapshot;
  }

  /** Without a cluster a namespace has its name and nothing else. */
  async labels(namespace: string): Promise<Labels> {
    return { 'kubernetes.io/metadata.name': namespace };
  }

  readiness(): Readiness {
    const reasons = this.#reasons(this.#lastError === undefined ? '' : ` (${this.#lastError})`);
    if (this.#builder.broken) reasons.push('the policies could not be compiled');
    return readinessOf(reasons);
  }

  /** Seconds since the files were read; Infinity before the first time. */
  ages(): ReadonlyMap<string, number> {
    return new Map([
      ['files', this.#lastRead === undefined ? Infinity : (this.#now() - this.#lastRead) / 1000],
    ]);
  }

  /** Everything in force. */
  resources(): readonly Resource[] {
    return this.#set.resources();
  }

  /** Everything wrong with the files now. */
  problems(): readonly FileProblem[] {
    const ignored = this.#ignored.map((file) => ({ file, line: 1, field: '', message: NOT_READ }));
    return [...this.#set.problems(), ...ignored];
  }

  /** Called with each new snapshot; returns how to stop that. */
  onChange(listener: SnapshotListener): () => void {
    return this.#builder.onChange(listener);
  }

  #reasons(why: string): string[] {
    const { maxSnapshotAge = 180_000 } = this.#options;
    if (this.#lastRead === undefined) return [`the policy files could not be read yet${why}`];
    const age = this.#now() - this.#lastRead;
    if (age > maxSnapshotAge)
      return [`the policy files could not be read for ${Math.round(age / 1000)} s${why}`];
    const unknown = this.#set.unknownFiles();
    if (unknown.length > 0)
      return unknown.map((name) => `the policy file ${name} has a document that cannot be read`);
    // Nobody runs this to admit everything: the path is wrong, or its mount is empty.
    return this.#set.hasPolicy ? [] : [`no policy was found in ${this.#options.path}`];
  }

  #watch(): void {
    const { path, logger } = this.#options;
    try {
      this.#watcher = watch(path, { persistent: false }, () => this.#lookSoon());
      this.#watcher.on('error', (error) => {
        logger.debug({ path, err: error.message }, 'policy files are polled until they can be watched again');
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch (error) {
      logger.debug({ path, err: asError(error).message }, 'policy files cannot be watched, only polled');
    }
  }

  #lookSoon(): void {
    if (this.#stopped) return;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.#look(), settle);
  }

  #look(own?: ReadonlyMap<string, string | undefined>): Promise<void> {
    this.#looking ??= this.#readAll(own).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #readAll(own?: ReadonlyMap<string, string | undefined>): Promise<void> {
    const begun = this.#now();
    try {
      const { files, ignored } = await readPolicyFiles(this.#options.path);
      this.#ignored = ignored;
      const { changed, again } = this.#set.update(files, begun, (this.#options.wall ?? Date.now)(), own);
      if (changed || this.#lastRead === undefined) this.#builder.touch();
      this.#lastRead = begun;
      this.#lastError = undefined;
      if (again) this.#lookSoon();
    } catch (error) {
      this.#lastError = asError(error).message;
    }
    this.#tell();
  }

  /** Each state of affairs once. */
  #tell(): void {
    const { logger, path } = this.#options;
    const lines = this.problems().map(describeFileProblem);
    if (this.#lastError !== undefined) lines.unshift(`${path}: ${this.#lastError}`);
    const told = lines.join('\n');
    if (told === this.#told) return;
    this.#told = told;
    for (const problem of lines) logger.warn({ problem }, 'a policy file needs mending');
    if (lines.length === 0) logger.info({ path }, 'the policy files are all well');
  }
}
