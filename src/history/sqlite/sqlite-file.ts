import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { IN_TIME } from './in-time.ts';
import { DEADLINE, RESULT, type SqliteProblem, type SqlValue, type ThreadSettings } from './messages.ts';

/** "Csgn": a database of somebody else's is left alone. */
const APPLICATION_ID = 0x4373676e;
const PAGE_BYTES = 4096;
/** The log beside the file, after a checkpoint. */
const JOURNAL_BYTES = 16 * 1024 * 1024;
/** Milliseconds that one thread waits for the other. */
const BUSY_LIMIT = 5_000;
/** Statements are few, and each takes some kilobytes. */
const MAX_STATEMENTS = 64;

/** One connection to the file, opened by its first use and again when the file is no longer the same. Blocks its thread. */
export class SqliteFile {
  readonly #settings: ThreadSettings;
  #open: { readonly db: DatabaseSync; readonly inode: bigint } | undefined;
  readonly #statements = new Map<string, StatementSync>();
  #deadline: number | undefined;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
  }

  /** @throws what `problemOf` explains */
  run(
    sql: string,
    parameters: readonly SqlValue[],
    deadline: number | undefined,
  ): { rows: Record<string, SqlValue>[]; changes: number } {
    this.#deadline = deadline;
    inTime(deadline);
    // SQLite ends a transaction itself when it meets a full or a failing disk.
    if (sql === 'rollback' && this.#open?.db.isTransaction !== true) return { rows: [], changes: 0 };
    const statement = this.#statement(sql);
    if (statement.columns().length > 0) {
      return { rows: statement.all(...parameters) as Record<string, SqlValue>[], changes: 0 };
    }
    return { rows: [], changes: Number(statement.run(...parameters).changes) };
  }

  /** What an error means; a file that is no database any more is set aside by the one who writes. */
  problemOf(error: unknown): SqliteProblem {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof DeadlineError ? DEADLINE : primaryCode(error);
    const isBroken = code === RESULT.corrupt || code === RESULT.notADatabase;
    if (isBroken) this.close();
    const setAside = isBroken && this.#settings.role === 'writer';
    if (setAside) this.#setAside();
    return { message, code, setAside };
  }

  close(): void {
    this.#statements.clear();
    const { db } = this.#open ?? {};
    this.#open = undefined;
    try {
      db?.close();
    } catch {
      // It was broken: closing it has nothing more to say.
    }
  }

  #statement(sql: string): StatementSync {
    const db = this.#database();
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    const statement = db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #database(): DatabaseSync {
    // Somebody may remove or replace the file; the old one would take rows that nobody ever finds.
    if (this.#open?.db.isTransaction === false && this.#open.inode !== this.#inode()) this.close();
    this.#open ??= this.#opened();
    return this.#open.db;
  }

  #inode(): bigint {
    return statSync(this.#settings.file, { throwIfNoEntry: false, bigint: true })?.ino ?? -1n;
  }

  #opened(): { db: DatabaseSync; inode: bigint } {
    const { file, role, maxBytes } = this.#settings;
    if (role === 'writer') mkdirSync(dirname(file), { recursive: true });
    const db = new DatabaseSync(file, { readOnly: role === 'reader', timeout: BUSY_LIMIT });
    try {
      if (role === 'writer') prepareForWriting(db, maxBytes);
      db.exec('PRAGMA trusted_schema = OFF');
      db.function(IN_TIME, { directOnly: true }, (_row: unknown) => inTime(this.#deadline));
      return { db, inode: this.#inode() };
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** One broken file is kept for whoever wants to look at it; an older one goes. */
  #setAside(): void {
    const { file } = this.#settings;
    try {
      for (const suffix of ['', '-wal']) {
        rmSync(`${file}.corrupt${suffix}`, { force: true });
        if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${file}.corrupt${suffix}`);
      }
      rmSync(`${file}-shm`, { force: true });
    } catch {
      // The folder cannot be written: the next attempt says so.
    }
  }
}

function prepareForWriting(db: DatabaseSync, maxBytes: number): void {
  const id = numberOf(db, 'PRAGMA application_id');
  const tables = numberOf(db, 'SELECT count(*) FROM sqlite_schema');
  if (id !== APPLICATION_ID && tables > 0) throw new Error('the file is a database of another program');
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`);
  if (id !== APPLICATION_ID) db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${JOURNAL_BYTES}`,
  );
  db.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / PAGE_BYTES)}`);
}

function numberOf(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() ?? {})[0]);
}

class DeadlineError extends Error {
  constructor() {
    super('it took too long');
    this.name = 'DeadlineError';
  }
}

/** @throws DeadlineError */
function inTime(deadline: number | undefined): number {
  if (deadline !== undefined && Date.now() > deadline) throw new DeadlineError();
  return 1;
}

function primaryCode(error: unknown): number {
  const extended = (error as { errcode?: unknown }).errcode;
  return typeof extended === 'number' ? extended & 0xff : 0;
}
