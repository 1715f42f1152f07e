import { X509Certificate } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { CertificateHolder } from './certificate-holder.ts';
import { createSelfSigned, type CertificateSet } from './self-signed.ts';
import {
  coversNames,
  isOwn,
  isRotationDue,
  parseServingCertificate,
  type CertificateListener,
  type CertificateSource,
  type ServingCertificate,
} from './serving-certificate.ts';

export interface DirectoryCertificateOptions {
  /** Holds `tls.crt`, `tls.key` and, where there is one, `ca.crt`: a Secret's mount, or a folder of our own. */
  readonly directory: string;
  /** Names to make a certificate for when there is none, and to replace it by at two thirds of its life; undefined = never write. */
  readonly createFor?: readonly [string, ...string[]];
  /** Milliseconds that a certificate made here lives. */
  readonly lifetime?: number;
  /** Milliseconds between looks at the files, beside those that the file system asks for. */
  readonly pollInterval?: number;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const day = 24 * 3_600_000;
/** A clock that is behind ours still takes the certificate. */
const backdating = 3_600_000;
/** A writer that has begun is given time to end. */
const settle = 100;

/** A serving certificate from a directory, watched: whatever is written there half or wrongly leaves the one in use alone. */
export class DirectoryCertificate implements CertificateSource {
  readonly #options: DirectoryCertificateOptions;
  readonly #holder: CertificateHolder;
  readonly #now: () => number;
  #refused = '';
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(options: DirectoryCertificateOptions) {
    this.#options = options;
    this.#holder = new CertificateHolder(options.logger);
    this.#now = options.now ?? Date.now;
  }

  /** Returns once a certificate is in use. @throws Error when there is none that can be used and none may be made. */
  async start(): Promise<void> {
    const { directory, pollInterval = 10_000 } = this.#options;
    if (this.#options.createFor !== undefined) await mkdir(directory, { recursive: true });
    this.#holder.use(await this.#load());
    this.#watch();
    // Mounts of some file systems tell nothing.
    this.#poll = setInterval(() => this.#refresh(), pollInterval);
    this.#poll.unref();
  }

  async stop(): Promise<void> {
    this.#watcher?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
    await this.#refreshing;
  }

  current(): ServingCertificate {
    return this.#holder.current();
  }

  onChange(listener: CertificateListener): () => void {
    return this.#holder.onChange(listener);
  }

  #watch(): void {
    try {
      // The directory, not the files: a Secret's mount swaps the link `..data` that they all lead through.
      this.#watcher = watch(this.#options.directory, { persistent: false }, () => {
        clearTimeout(this.#soon);
        this.#soon = setTimeout(() => this.#refresh(), settle);
      });
      this.#watcher.on('error', (error) =>
        this.#options.logger.debug({ err: error.message }, 'watching certificates'),
      );
    } catch (error) {
      this.#options.logger.debug(
        { err: asError(error).message },
        'certificates cannot be watched, only polled',
      );
    }
  }

  #refresh(): void {
    this.#refreshing ??= this.#reload().finally(() => {
      this.#refreshing = undefined;
    });
  }

  async #reload(): Promise<void> {
    try {
      this.#holder.use(await this.#load());
      this.#refused = '';
    } catch (error) {
      const { message } = asError(error);
      if (message === this.#refused) return;
      this.#refused = message;
      const { directory, logger } = this.#options;
      logger.warn(
        { directory, err: message },
        'the new serving certificate cannot be used; the one in use stays',
      );
    }
  }

  async #load(): Promise<ServingCertificate> {
    const { createFor } = this.#options;
    const set = await this.#read();
    if (createFor === undefined) return this.#parse(set);
    if (set.certPem === '' && set.keyPem === '') return this.#create(createFor);
    let found: ServingCertificate;
    try {
      found = this.#parse(set);
    } catch (error) {
      // Our own, torn by a crash between two files; anything else is for its owner to mend.
      if (!isTornOwn(set)) throw error;
      return this.#create(createFor);
    }
    if (!isOwn(found)) return found;
    return isRotationDue(found, this.#now()) || !coversNames(found, createFor)
      ? this.#create(createFor)
      : found;
  }

  #parse(set: CertificateSet): ServingCertificate {
    const { directory } = this.#options;
    for (const [name, text] of [
      ['tls.crt', set.certPem],
      ['tls.key', set.keyPem],
    ] as const) {
      if (text === '') throw new Error(`${join(directory, name)} is missing or empty`);
    }
    return parseServingCertificate(set);
  }

  async #read(): Promise<CertificateSet> {
    const text = (name: string) =>
      readFile(join(this.#options.directory, name), 'utf8').catch(emptyWhereMissing);
    const [certPem, keyPem, caPem] = await Promise.all([text('tls.crt'), text('tls.key'), text('ca.crt')]);
    return { certPem, keyPem, caPem };
  }

  async #create(names: readonly [string, ...string[]]): Promise<ServingCertificate> {
    const { directory, lifetime = 365 * day } = this.#options;
    const now = this.#now();
    const set = createSelfSigned({ names, notBefore: now - backdating, notAfter: now + lifetime });
    // The certificate before its key: it tells, after a crash in between, that the pair is ours to make again.
    await writeWhole(join(directory, 'ca.crt'), set.caPem, 0o644);
    await writeWhole(join(directory, 'tls.crt'), set.certPem, 0o644);
    await writeWhole(join(directory, 'tls.key'), set.keyPem, 0o600);
    return parseServingCertificate(set);
  }
}

function isTornOwn(set: CertificateSet): boolean {
  try {
    return isOwn({ certificate: new X509Certificate(set.certPem) });
  } catch {
    return false;
  }
}

function emptyWhereMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/** Readers see the old file or the new one. */
async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  const handle = await open(draft, 'w', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
