import { setTimeout as wait } from 'node:timers/promises';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { BATCH_ROWS, type Backlog } from './backlog.ts';
import type { HistoryDatabase } from './database.ts';
import type { HistoryMeter } from './meter.ts';
import { migrate } from './migrations.ts';
import { halves, type Batch, writeBatch } from './write-batch.ts';

export interface WriterOptions {
  readonly database: HistoryDatabase;
  readonly backlog: Backlog;
  readonly meter: HistoryMeter;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Gives up some of the oldest rows. */
  readonly makeRoom: () => Promise<void>;
  readonly timing: WriterTiming;
}

/** Milliseconds. */
export interface WriterTiming {
  /** What a row waits for company. */
  readonly gather: number;
  /** Full jitter: a random part of a bound that doubles from the first to the last with each failure in a row. */
  readonly backoffFirst: number;
  readonly backoffLast: number;
}

/** Writes what waits, batch by batch, beside every request. Whatever fails is tried again later. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isMigrated = false;
  /** Taken from the backlog and not written yet. */
  #batch: Batch | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Makes the tables before there is a row: whoever reads then finds an empty history, and not none. */
  prepare(): void {
    this.#begin();
  }

  /** Something waits. */
  wake(): void {
    if (this.#running !== undefined || this.#stopping.signal.aborted) return;
    if (this.#options.backlog.size >= BATCH_ROWS) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), this.#options.timing.gather).unref();
  }

  /** Writes what waits, once more and without waiting between attempts; returns the rows that are left. */
  async finish(): Promise<number> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
    try {
      while (await this.#writeNext());
    } catch (error) {
      this.#failed(error);
    }
    return this.left();
  }

  /** Rows that are not written yet. */
  left(): number {
    return this.#options.backlog.size + sizeOf(this.#batch);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#options.backlog.size > 0) this.wake();
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#migrated();
        if (!(await this.#writeNext())) return;
      } catch (error) {
        await this.#recover(error);
        await wait(this.#pause(), undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** Returns false when nothing was left to write. */
  async #writeNext(): Promise<boolean> {
    const { backlog, meter } = this.#options;
    this.#batch ??= backlog.take();
    meter.waiting(this.left());
    if (this.#batch === undefined) return false;
    await this.#write(this.#batch);
    this.#batch = undefined;
    this.#succeeded();
    return true;
  }

  /** Rows that the database refuses are found by halving: they must not hold up the others for ever. */
  async #write(batch: Batch): Promise<void> {
    const { database, meter, now, logger } = this.#options;
    const started = performance.now();
    try {
      await this.#migrated();
      await writeBatch(database.writer, batch, now());
      meter.written(sizeOf(batch), performance.now() - started);
    } catch (error) {
      if (database.failure(error) !== 'refused') throw error;
      if (sizeOf(batch) > 1) {
        for (const half of halves(batch)) await this.#write(half);
        return;
      }
      logger.warn({ err: asError(error).message }, 'the history refuses a row, which is left out');
      meter.lost('refused', 1);
    }
  }

  async #migrated(): Promise<void> {
    if (this.#isMigrated) return;
    const { database } = this.#options;
    await migrate(database.writer, database.kind);
    this.#isMigrated = true;
    this.#succeeded();
  }

  async #recover(error: unknown): Promise<void> {
    const failure = this.#failed(error);
    if (failure !== 'full') return;
    try {
      await this.#options.makeRoom();
    } catch (thrown) {
      this.#options.logger.debug({ err: asError(thrown).message }, 'no room could be made in the history');
    }
  }

  /** Says so once, whatever comes after it. */
  #failed(error: unknown): ReturnType<HistoryDatabase['failure']> {
    const { database, logger, meter } = this.#options;
    const failure = database.failure(error);
    // Somebody may have replaced what is behind it.
    this.#isMigrated = false;
    this.#failures += 1;
    meter.available(false);
    if (this.#failures === 1) {
      const fields = { err: asError(error).message, failure, database: database.kind };
      logger.warn(fields, 'the history cannot be written, will try again; decisions go on as before');
    }
    return failure;
  }

  #succeeded(): void {
    const { logger, meter } = this.#options;
    meter.available(true);
    if (this.#failures === 0) return;
    logger.info({ attempts: this.#failures }, 'the history can be written again');
    this.#failures = 0;
  }

  #pause(): number {
    const { backoffFirst, backoffLast } = this.#options.timing;
    return Math.random() * Math.min(backoffLast, backoffFirst * 2 ** (this.#failures - 1));
  }
}

function sizeOf(batch: Batch | undefined): number {
  return batch === undefined ? 0 : batch.verifications.length + batch.changes.length;
}
