import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AnswerMessage, SqliteProblem, SqlValue, StatementMessage, ThreadSettings } from './messages.ts';

/** What SQLite, or its thread, refused. */
export class SqliteError extends Error {
  readonly problem: SqliteProblem;

  constructor(problem: SqliteProblem) {
    super(problem.message);
    this.name = 'SqliteError';
    this.problem = problem;
  }
}

export type Answer = Extract<AnswerMessage, { rows: unknown }>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Beside this file, in the language that this file is in. */
const THREAD = new URL(`./sqlite-thread${extname(import.meta.filename)}`, import.meta.url);

/** Memory of the thread's JavaScript, MiB: pages of 500 rows and batches of 100 take a few. */
const HEAP = 64;

/** The other side of a thread. It is started by its first use, and again after its end. */
export class SqliteLink {
  readonly #settings: ThreadSettings;
  readonly #onSetAside: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #next = 1;
  #generation = 0;

  /** @param onSetAside told when a file was set aside because it was no database any more */
  constructor(settings: ThreadSettings, onSetAside: () => void) {
    this.#settings = settings;
    this.#onSetAside = onSetAside;
  }

  /** Changes with each thread: what one has begun, another does not know of. */
  get generation(): number {
    return this.#generation;
  }

  /** @throws SqliteError */
  run(sql: string, parameters: readonly SqlValue[], deadline?: number): Promise<Answer> {
    const thread = (this.#thread ??= this.#started());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      thread.postMessage({ id, sql, parameters, deadline } satisfies StatementMessage);
    });
  }

  /** After what is under way. */
  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    // The process does not end before what was written is on the disk.
    thread.ref();
    thread.postMessage('close');
    await ended;
  }

  #started(): Worker {
    const thread = new Worker(THREAD, {
      workerData: this.#settings,
      name: `history-${this.#settings.role}`,
      resourceLimits: { maxOldGenerationSizeMb: HEAP },
    });
    this.#generation += 1;
    thread.unref();
    thread.on('message', (answer: AnswerMessage) => this.#answered(answer));
    // Told by "exit", which follows.
    let reason = 'the thread ended';
    thread.on('error', (error) => (reason = error instanceof Error ? error.message : String(error)));
    thread.on('exit', () => this.#ended(thread, reason));
    return thread;
  }

  #answered(answer: AnswerMessage): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (!('problem' in answer)) {
      waiting?.resolve(answer);
      return;
    }
    if (answer.problem.setAside) this.#onSetAside();
    waiting?.reject(new SqliteError(answer.problem));
  }

  #ended(thread: Worker, reason: string): void {
    if (this.#thread === thread) this.#thread = undefined;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of left) reject(new SqliteError({ message: reason, code: 0, setAside: false }));
  }
}
