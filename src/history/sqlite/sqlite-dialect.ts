import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
} from 'kysely';
import type { SqlValue } from './messages.ts';
import { SqliteError, type SqliteLink } from './sqlite-link.ts';

/** Kysely on a thread with `node:sqlite`. */
export class SqliteThreadDialect implements Dialect {
  readonly #link: SqliteLink;
  readonly #limit: number | undefined;

  /** @param limit milliseconds for each statement; undefined = as long as it takes */
  constructor(link: SqliteLink, limit: number | undefined) {
    this.#link = link;
    this.#limit = limit;
  }

  createDriver(): Driver {
    return new ThreadDriver(this.#link, this.#limit);
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** A migration that was cut off leaves nothing behind. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** One connection; Kysely lets one at a time have it, because the adapter says that there are no more. */
class ThreadDriver implements Driver {
  readonly #connection: ThreadConnection;

  constructor(link: SqliteLink, limit: number | undefined) {
    this.#connection = new ThreadConnection(link, limit);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    await this.#connection.begin();
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.end('commit');
  }

  async rollbackTransaction(): Promise<void> {
    await this.#connection.end('rollback');
  }

  async destroy(): Promise<void> {}
}

class ThreadConnection implements DatabaseConnection {
  readonly #link: SqliteLink;
  readonly #limit: number | undefined;
  /** Of the thread that knows of the transaction. */
  #transaction: number | undefined;

  constructor(link: SqliteLink, limit: number | undefined) {
    this.#link = link;
    this.#limit = limit;
  }

  async begin(): Promise<void> {
    // At once, not with the first write: then it can still wait for its turn.
    await this.#link.run('begin immediate', []);
    this.#transaction = this.#link.generation;
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    try {
      await this.executeQuery(CompiledQuery.raw(how));
    } finally {
      this.#transaction = undefined;
    }
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#transaction !== undefined && this.#transaction !== this.#link.generation) {
      throw new SqliteError({ message: 'the transaction was lost', code: 0, setAside: false });
    }
    const deadline = this.#limit === undefined ? undefined : Date.now() + this.#limit;
    const { rows, changes } = await this.#link.run(sql, parameters as readonly SqlValue[], deadline);
    return { rows: rows as R[], numAffectedRows: BigInt(changes) };
  }

  /** @throws Error always: what is read comes in pages */
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are read in pages');
  }
}
