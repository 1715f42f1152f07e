import { Kysely } from 'kysely';
import { READ_LIMIT, type Failure, type HistoryDatabase } from '../database.ts';
import type { Tables } from '../tables.ts';
import { RESULT } from './messages.ts';
import { SqliteThreadDialect } from './sqlite-dialect.ts';
import { SqliteError, SqliteLink } from './sqlite-link.ts';

export interface SqliteOptions {
  readonly file: string;
  /** Bound on the file, bytes; its log takes some 16 MiB more. */
  readonly maxBytes: number;
  /** Told when a file was set aside because it was no database any more. */
  readonly onSetAside: () => void;
}

const REFUSED: readonly number[] = [RESULT.tooBig, RESULT.constraint, RESULT.mismatch];

/** A file, with one thread that writes and one that reads: neither waits for the other (WAL). */
export class SqliteDatabase implements HistoryDatabase {
  readonly kind = 'sqlite';
  readonly writer: Kysely<Tables>;
  readonly reader: Kysely<Tables>;
  readonly #links: readonly SqliteLink[];

  constructor({ file, maxBytes, onSetAside }: SqliteOptions) {
    const writer = new SqliteLink({ file, maxBytes, role: 'writer' }, onSetAside);
    const reader = new SqliteLink({ file, maxBytes, role: 'reader' }, onSetAside);
    this.#links = [reader, writer];
    this.writer = new Kysely<Tables>({ dialect: new SqliteThreadDialect(writer, undefined) });
    this.reader = new Kysely<Tables>({ dialect: new SqliteThreadDialect(reader, READ_LIMIT) });
  }

  failure(error: unknown): Failure {
    if (!(error instanceof SqliteError)) return 'unavailable';
    const { code } = error.problem;
    if (code === RESULT.full) return 'full';
    return REFUSED.includes(code) ? 'refused' : 'unavailable';
  }

  async close(): Promise<void> {
    // Whoever reads goes first: the last one to leave folds the log into the file, which takes the right to write.
    for (const link of this.#links) await link.close();
  }
}
