import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { HistoryDatabase } from '../../src/history/database.ts';
import { parsePostgresUrl } from '../../src/history/postgres/connection-settings.ts';
import { PostgresDatabase } from '../../src/history/postgres/postgres-database.ts';
import { SqliteDatabase } from '../../src/history/sqlite/sqlite-database.ts';
import type { HistoryMeter } from '../../src/history/meter.ts';
import { History, type HistoryOptions, type HistorySettings } from '../../src/history/history.ts';
import type { Logger } from '../../src/log.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { startPostgres, type Postgres } from '../support/postgres.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { decision, image, verified, violated } from '../observe/decision.ts';

export const TIMING = { gather: 5, backoffFirst: 5, backoffLast: 40, retention: 3_600_000, pause: 0 };

/** Where a test keeps its history, with nothing in it. */
export interface Ground {
  readonly place: HistorySettings['place'];
}

/** Both databases, each real. */
export interface Grounds {
  fresh(): Promise<Ground>;
  stop(): Promise<void>;
}

let made = 0;

export function sqliteGrounds(): Grounds {
  const work = createWorkDirectory('history');
  return {
    async fresh() {
      const folder = join(work.path, String(++made));
      mkdirSync(folder);
      return { place: { path: join(folder, 'history.db'), maxMegabytes: 512 } };
    },
    async stop() {
      work.remove();
    },
  };
}

export function postgresGrounds(): Grounds {
  let server: Promise<Postgres> | undefined;
  return {
    async fresh() {
      const { url } = await (server ??= startPostgres());
      return { place: { url: await freshDatabase(url), caFile: undefined } };
    },
    async stop() {
      await (await server)?.stop();
    },
  };
}

async function freshDatabase(url: string): Promise<string> {
  const name = `history_${++made}`;
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return url.replace(/[^/]*$/, name);
}

export const BOTH: readonly (readonly [string, () => Grounds])[] = [
  ['SQLite', sqliteGrounds],
  ['PostgreSQL', postgresGrounds],
];

/** Counts what a history tells of itself. */
export class Told implements HistoryMeter {
  rows = 0;
  readonly losses: Record<string, number> = {};
  isAvailable: boolean | undefined;
  filesSetAside = 0;
  gone = 0;
  most = 0;
  readonly lines: string[] = [];

  written(rows: number): void {
    this.rows += rows;
  }

  lost(why: string, rows: number): void {
    this.losses[why] = (this.losses[why] ?? 0) + rows;
  }

  available(isAvailable: boolean): void {
    this.isAvailable = isAvailable;
  }

  waiting(rows: number): void {
    this.most = Math.max(this.most, rows);
  }

  setAside(): void {
    this.filesSetAside += 1;
  }

  expired(rows: number): void {
    this.gone += rows;
  }

  get logger(): Logger {
    const line = (level: string) => (fields: object, message: string) =>
      void this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    return { debug() {}, info: line('info'), warn: line('warn'), error: line('error') };
  }
}

export function open(
  ground: Ground,
  told: Told,
  over: Partial<Omit<HistoryOptions, 'settings'>> & { readonly settings?: Partial<HistorySettings> } = {},
): History {
  const { settings, ...rest } = over;
  return new History({
    settings: {
      ...ground,
      retention: { days: 30, rows: 1_000_000 },
      bufferRows: 10_000,
      ...settings,
    },
    replica: 'replica-1',
    logger: told.logger,
    meter: told,
    timing: TIMING,
    ...rest,
  });
}

/** A review of one image, signed or not. */
export function review(name: string, isSigned = true, changes: Partial<Decision> = {}): Decision {
  const verdict = isSigned ? verified() : violated();
  return decision({ allowed: isSigned, images: [image([verdict], name)], ...changes });
}

/** The database itself, without a history in front of it. */
export function databaseOf({ place }: Ground): HistoryDatabase {
  if ('path' in place) {
    return new SqliteDatabase({ file: place.path, maxBytes: 2 ** 30, onSetAside: () => undefined });
  }
  const address = parsePostgresUrl(place.url);
  if (address === undefined) throw new Error('not a URL');
  return new PostgresDatabase(address, undefined);
}
