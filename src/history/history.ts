import type { DecisionObserver } from '../admission/ports.ts';
import type { Logger } from '../log.ts';
import type { Decision } from '../policy/decision.ts';
import { Backlog } from './backlog.ts';
import { storedChange, type Change } from './change.ts';
import type { HistoryDatabase } from './database.ts';
import type { HistoryMeter } from './meter.ts';
import { openDatabase, type HistoryPlace } from './open-database.ts';
import { Reader } from './reader.ts';
import { Retention, type RetentionSettings } from './retention.ts';
import { storedText } from './stored-text.ts';
import { leftOut, verificationsOf } from './verifications-of.ts';
import { Writer, type WriterTiming } from './writer.ts';

/** Where the history is kept, and for how long. */
export interface HistorySettings {
  /** A file, or a PostgreSQL URL. */
  readonly place: HistoryPlace;
  readonly retention: RetentionSettings;
  /** Verifications that may wait while the database cannot be written. */
  readonly bufferRows: number;
}

export interface HistoryOptions {
  readonly settings: HistorySettings;
  /** Name of this process among its like. */
  readonly replica: string;
  readonly logger: Logger;
  readonly meter: HistoryMeter;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly timing?: Partial<WriterTiming & { readonly retention: number; readonly pause: number }>;
}

const SET_ASIDE = 'the history is damaged: it was set aside as .corrupt, and a new one begins';
const TIMING = { gather: 500, backoffFirst: 500, backoffLast: 30_000, retention: 60_000, pause: 50 };

/** What was verified, and what was changed. Beside every request: nothing here delays, changes or refuses one. */
export class History implements DecisionObserver {
  readonly #options: HistoryOptions;
  readonly #now: () => number;
  readonly #replica: string;
  readonly #database: HistoryDatabase;
  readonly #backlog: Backlog;
  readonly #writer: Writer;
  readonly #retention: Retention;
  /** What was written, page by page. */
  readonly reader: Reader;
  #isStopped = false;

  /** @throws Error for a URL or a file of authorities that cannot be used */
  constructor(options: HistoryOptions) {
    const { settings, replica, logger, meter, now = Date.now } = options;
    const timing = { ...TIMING, ...options.timing };
    this.#options = options;
    this.#now = now;
    this.#replica = storedText(replica, 256);
    this.#database = openDatabase(settings.place, (file) => {
      meter.setAside();
      logger.error({ file }, SET_ASIDE);
    });
    const database = this.#database;
    this.#backlog = new Backlog(settings.bufferRows, (rows) => meter.lost('overflow', rows));
    this.#retention = new Retention({
      database,
      meter,
      logger,
      now,
      settings: settings.retention,
      interval: timing.retention,
      pause: timing.pause,
    });
    const makeRoom = (): Promise<void> => this.#retention.makeRoom();
    this.#writer = new Writer({ database, backlog: this.#backlog, meter, logger, now, makeRoom, timing });
    this.reader = new Reader(database);
  }

  /** Nothing is waited for. */
  start(): void {
    this.#writer.prepare();
    this.#retention.start();
  }

  /** A dry run changes nothing, and leaves nothing here (E18). */
  decided(decision: Decision, milliseconds: number): void {
    if (decision.dryRun || this.#isStopped) return;
    const occasion = { time: this.#now(), replica: this.#replica, latency: milliseconds };
    const rows = verificationsOf(decision, occasion);
    const over = leftOut(decision);
    if (over > 0) this.#options.meter.lost('review', over);
    if (rows.length === 0) return;
    this.#backlog.addVerifications(rows);
    this.#writer.wake();
  }

  /** Values are JSON without secrets. */
  changed(change: Omit<Change, 'time' | 'replica'>): void {
    if (this.#isStopped) return;
    this.#backlog.addChange(storedChange({ ...change, time: this.#now(), replica: this.#replica }));
    this.#writer.wake();
  }

  /** Writes what waits, for at most `limit` milliseconds; what is left then is lost and counted. */
  async stop(limit: number): Promise<void> {
    this.#isStopped = true;
    await within(limit, this.#finish());
    const left = this.#writer.left();
    if (left === 0) return;
    this.#options.meter.lost('shutdown', left);
    this.#options.logger.warn({ rows: left }, 'the end of the history was not written');
  }

  async #finish(): Promise<void> {
    await Promise.all([this.#retention.stop(), this.#writer.finish()]);
    await this.#database.close();
  }
}

async function within(limit: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limit);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
