import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { AdminKeyPair } from '../admin/admin-server.ts';
import { CallServer, type CallServerOptions } from '../admin/calls/call-server.ts';
import { SettingsError } from '../config.ts';
import type { Logger } from '../log.ts';
import type { AdminThreadData, FromAdminThread, ToAdminThread } from './admin-messages.ts';

export interface AdminLinkOptions extends Omit<AdminThreadData, 'keyPair'> {
  /** What the thread asks for of this one. */
  readonly calls: Pick<CallServerOptions, 'routes' | 'may'>;
  readonly logger: Logger;
  /** Of the thread; tests bring one that misbehaves. */
  readonly thread?: URL;
}

/** Beside this file, in the language that this file is in. */
const THREAD = new URL(`./admin-thread${extname(import.meta.filename)}`, import.meta.url);
/** Memory of the thread's JavaScript, MiB. A last bound, for bodies, lists and readers have theirs: V8 mostly ends the thread alone. */
const HEAP = 256;
/** Milliseconds before a thread that ended is followed by another; doubled each time, until one has lived for a while. */
const FIRST_PAUSE = 500;
const LAST_PAUSE = 30_000;
const A_WHILE = 60_000;
/** Milliseconds beyond the time that it was given for what is under way. */
const STOP_MARGIN = 2_000;

/** The deciding thread's side of the admin page's thread. One that ends by itself takes no admission with it, and is followed by another. */
export class AdminLink {
  readonly #options: AdminLinkOptions;
  #keyPair: AdminKeyPair;
  #thread: Worker | undefined;
  #port = 0;
  #pause = FIRST_PAUSE;
  readonly #stopping = new AbortController();

  constructor(options: AdminLinkOptions, keyPair: AdminKeyPair) {
    this.#options = options;
    this.#keyPair = keyPair;
  }

  /** @throws SettingsError; Error when it cannot start, as when its port cannot be had */
  async start(): Promise<void> {
    const thread = this.#begin();
    this.#port = await listening(thread);
    const since = performance.now();
    thread.once('exit', () => {
      if (performance.now() - since > A_WHILE) this.#pause = FIRST_PAUSE;
      void this.#again();
    });
  }

  /** Of the listener. */
  get port(): number {
    return this.#port;
  }

  /** Shows another certificate from the next connection on. */
  useKeyPair(keyPair: AdminKeyPair): void {
    this.#keyPair = keyPair;
    this.#post({ kind: 'certificate', keyPair });
  }

  /** From now on each answer ends its connection. */
  drain(): void {
    this.#post({ kind: 'drain' });
  }

  /** @param milliseconds for what is under way */
  async stop(milliseconds: number): Promise<void> {
    this.#stopping.abort();
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    this.#post({ kind: 'stop', milliseconds });
    const isLate = new AbortController();
    await Promise.race([
      ended,
      sleep(milliseconds + STOP_MARGIN, undefined, { signal: isLate.signal }).catch(() => undefined),
    ]);
    isLate.abort();
    await thread.terminate();
  }

  #begin(): Worker {
    const { settings, version, logger, calls, thread: file = THREAD } = this.#options;
    const workerData: AdminThreadData = { settings, version, keyPair: this.#keyPair };
    const thread = new Worker(file, {
      workerData,
      name: 'admin',
      resourceLimits: { maxOldGenerationSizeMb: HEAP },
    });
    const server = new CallServer({
      ...calls,
      logger,
      post: (message) => thread.postMessage({ kind: 'from-decider', message } satisfies ToAdminThread),
    });
    thread.on('message', (message: FromAdminThread) => {
      if (message.kind === 'to-decider') server.take(message.message);
      if (message.kind === 'log') logger[message.level](message.fields, message.message);
    });
    // Followed by "exit".
    thread.on('error', (error) => logger.error({ err: error }, 'the admin page ended in a defect'));
    thread.once('exit', () => {
      server.abandon();
      if (this.#thread === thread) this.#thread = undefined;
    });
    this.#thread = thread;
    return thread;
  }

  async #again(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(this.#pause, undefined, { signal, ref: false }).catch(() => undefined);
      this.#pause = Math.min(this.#pause * 2, LAST_PAUSE);
      if (signal.aborted) return;
      try {
        await this.start();
        this.#options.logger.warn({ port: this.#port }, 'the admin page was started again');
        return;
      } catch (error) {
        this.#options.logger.error({ err: error }, 'the admin page could not be started again');
      }
    }
  }

  #post(message: ToAdminThread): void {
    this.#thread?.postMessage(message);
  }
}

/** @returns the port that it listens on @throws SettingsError; Error when the thread cannot start */
function listening(thread: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    thread.on('message', (message: FromAdminThread) => {
      if (message.kind === 'listening') resolve(message.port);
      if (message.kind !== 'failed') return;
      const { isOfSettings, message: text } = message.problem;
      reject(isOfSettings ? new SettingsError(text) : new Error(text));
      void thread.terminate();
    });
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('the thread of the admin page ended while it started')));
  });
}
