import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { HistoryDatabase } from './database.ts';
import type { HistoryMeter } from './meter.ts';

export interface RetentionSettings {
  readonly days: number;
  /** Verifications; the audit table has as many at most. */
  readonly rows: number;
}

export interface RetentionOptions {
  readonly database: HistoryDatabase;
  readonly meter: HistoryMeter;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly settings: RetentionSettings;
  /** Milliseconds between two passes, and between two steps of one. */
  readonly interval: number;
  readonly pause: number;
}

/** Rows of one step: some 20 ms, in which a batch waits. */
export const STEP_ROWS = 500;
/** Steps of one pass: 100,000 rows. */
const MAX_STEPS = 200;
/** Steps that make room when the disk is full. */
const ROOM_STEPS = 10;
/** Pages that go back to the file system after a step. */
const VACUUM_PAGES = 1_000;
const DAY = 86_400_000;

type Aged = 'verifications' | 'audit';

/** Takes away what is too old or too much, in small steps beside everything else. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Gives up a twentieth of the verifications, the oldest, however young. @throws what the database throws */
  async makeRoom(): Promise<void> {
    const { database, meter } = this.#options;
    const { oldest, newest } = await database.writer
      .selectFrom('verifications')
      .select(({ fn }) => [fn.min('id').as('oldest'), fn.max('id').as('newest')])
      .executeTakeFirstOrThrow();
    const before = Number(oldest) + Math.ceil((Number(newest) - Number(oldest) + 1) / 20);
    for (let step = 0; step < ROOM_STEPS; step += 1) {
      const gone = await this.#delete('verifications', 'id', before);
      meter.expired(gone);
      if (gone < STEP_ROWS) return;
    }
  }

  /** One pass; returns the rows that are gone. @throws what the database throws */
  async pass(): Promise<number> {
    const { now, settings } = this.#options;
    const oldest = now() - settings.days * DAY;
    let gone = 0;
    for (const table of ['verifications', 'audit'] as const) {
      gone += await this.#deleteAll(table, 'time', oldest);
      gone += await this.#deleteAll(table, 'id', await this.#oldestToStay(table));
    }
    await this.#deleteRest(oldest);
    if (gone > 0) await this.#giveBack();
    return gone;
  }

  async #deleteAll(table: Aged, column: 'time' | 'id', before: number): Promise<number> {
    let all = 0;
    for (let step = 0; step < MAX_STEPS && !this.#stopping.signal.aborted; step += 1) {
      const gone = await this.#delete(table, column, before);
      this.#options.meter.expired(gone);
      all += gone;
      if (gone < STEP_ROWS) break;
      await this.#pause(this.#options.pause);
    }
    return all;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // Replicas that started together do not all begin at once.
      await this.#pause(this.#options.interval * (0.5 + Math.random()));
      if (this.#stopping.signal.aborted) return;
      try {
        await this.pass();
      } catch (error) {
        // A database that does not answer is told by whoever writes; the tables may not even be there yet.
        this.#options.logger.debug({ err: asError(error).message }, 'old history was not taken away');
      }
    }
  }

  /** Identifiers ascend with the order of writing: whoever is so many below the newest is too much. Counting would read the whole table. */
  async #oldestToStay(table: Aged): Promise<number> {
    const { database, settings } = this.#options;
    const { newest } = await database.writer
      .selectFrom(table)
      .select(({ fn }) => fn.max('id').as('newest'))
      .executeTakeFirstOrThrow();
    return Number(newest ?? 0) - settings.rows + 1;
  }

  /** One step. Each column has an index that begins with what is to go. */
  async #delete(table: Aged, column: 'time' | 'id', before: number): Promise<number> {
    const { writer, kind } = this.#options.database;
    const gone = await writer
      .deleteFrom(table)
      .where('id', 'in', (inner) =>
        inner
          .selectFrom(table)
          .select('id')
          .where(column, '<', before)
          .orderBy(column)
          .limit(STEP_ROWS)
          // Another replica is at these.
          .$if(kind === 'postgres', (query) => query.forUpdate().skipLocked()),
      )
      .executeTakeFirst();
    return Number(gone.numDeletedRows);
  }

  /** Small tables: a row for five minutes and kind of verdict, and one for each batch of the last hour. */
  async #deleteRest(oldest: number): Promise<void> {
    const { database, now } = this.#options;
    await database.writer.deleteFrom('verification_counts').where('bucket', '<', oldest).execute();
    await database.writer
      .deleteFrom('written_batches')
      .where('time', '<', now() - DAY / 24)
      .execute();
  }

  async #giveBack(): Promise<void> {
    const { database } = this.#options;
    if (database.kind !== 'sqlite') return;
    await sql`PRAGMA incremental_vacuum(${sql.lit(VACUUM_PAGES)})`.execute(database.writer);
    // What a planner knows of the columns.
    await sql`PRAGMA optimize`.execute(database.writer);
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#stopping;
    await wait(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
