import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { READ_LIMIT, type Failure, type HistoryDatabase } from '../database.ts';
import type { Tables } from '../tables.ts';
import { poolSettings, type PostgresAddress } from './connection-settings.ts';

/** Milliseconds. */
export interface PostgresLimits {
  /** For a new connection. */
  readonly connect: number;
  /** For one statement of the writer; a first migration makes indexes on empty tables. */
  readonly write: number;
  readonly read: number;
  /** Then this side gives up a statement that the server should have ended. */
  readonly margin: number;
}

const LIMITS: PostgresLimits = { connect: 5_000, write: 15_000, read: READ_LIMIT, margin: 1_000 };
/** Connections that read, for each replica. */
const READERS = 4;
/** Milliseconds after which an idle connection is closed. */
const IDLE_LIMIT = 60_000;

/** `bigint` as a number: times and counts are far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (id, format) =>
    id === pg.types.builtins.INT8
      ? (text: string) => Number(text)
      : (pg.types.getTypeParser as pg.CustomTypesConfig['getTypeParser'])(id, format),
};

/** SQLSTATE classes (PostgreSQL manual, appendix A) in which the rows themselves are at fault. */
const REFUSED = /^(?:22|23)/;
const DISK_FULL = '53100';
/** A statement was refused, and the connection is as good as before. */
const CONNECTION_IS_GOOD = /^(?:22|23|42|53|54|55)/;

/** A server, with one connection that writes and some that read. */
export class PostgresDatabase implements HistoryDatabase {
  readonly kind = 'postgres';
  readonly #address: PostgresAddress;
  readonly #ca: string | undefined;
  readonly #limits: PostgresLimits;
  #writer: Kysely<Tables> | undefined;
  #reader: Kysely<Tables> | undefined;

  constructor(address: PostgresAddress, ca: string | undefined, limits: Partial<PostgresLimits> = {}) {
    this.#address = address;
    this.#ca = ca;
    this.#limits = { ...LIMITS, ...limits };
  }

  get writer(): Kysely<Tables> {
    return (this.#writer ??= this.#connections(1, this.#limits.write, false));
  }

  get reader(): Kysely<Tables> {
    return (this.#reader ??= this.#connections(READERS, this.#limits.read, true));
  }

  failure(error: unknown): Failure {
    const code = sqlState(error);
    if (!CONNECTION_IS_GOOD.test(code)) this.#abandon();
    if (REFUSED.test(code)) return 'refused';
    return code === DISK_FULL ? 'full' : 'unavailable';
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer?.destroy(), this.#reader?.destroy()]);
  }

  /** A connection to a server that went silent would be handed out again and again: new ones are made. */
  #abandon(): void {
    for (const db of [this.#writer, this.#reader]) db?.destroy().catch(() => undefined);
    this.#writer = undefined;
    this.#reader = undefined;
  }

  #connections(max: number, limit: number, readOnly: boolean): Kysely<Tables> {
    const pool = new pg.Pool({
      ...poolSettings(this.#address, this.#ca),
      max,
      types,
      connectionTimeoutMillis: this.#limits.connect,
      idleTimeoutMillis: IDLE_LIMIT,
      statement_timeout: limit,
      query_timeout: limit + this.#limits.margin,
      idle_in_transaction_session_timeout: limit,
      allowExitOnIdle: true,
      ...(readOnly && { options: '-c default_transaction_read_only=on' }),
    });
    // An idle connection that breaks: the next statement makes a new one, and says so if it cannot.
    pool.on('error', () => undefined);
    return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  }
}

function sqlState(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/** True when the server ended a statement because of its time limit. */
export function isOutOfTime(error: unknown): boolean {
  return sqlState(error) === '57014';
}
