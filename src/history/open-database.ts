import { readFileSync } from 'node:fs';
import { checkedAuthorities } from '../sigstore/pem.ts';
import type { HistoryDatabase } from './database.ts';
import { parsePostgresUrl } from './postgres/connection-settings.ts';
import { PostgresDatabase } from './postgres/postgres-database.ts';
import { SqliteDatabase } from './sqlite/sqlite-database.ts';

/** A file, or a PostgreSQL URL. */
export type HistoryPlace =
  | { readonly path: string; readonly maxMegabytes: number }
  | { readonly url: string; readonly caFile: string | undefined };

/**
 * Nothing is opened before it is used.
 * @param onSetAside told when a file was set aside because it was no database any more; only whoever writes does that
 * @throws Error for a URL or a file of authorities that cannot be used
 */
export function openDatabase(place: HistoryPlace, onSetAside: (file: string) => void): HistoryDatabase {
  if ('path' in place) {
    const { path: file, maxMegabytes } = place;
    return new SqliteDatabase({
      file,
      maxBytes: maxMegabytes * 1024 * 1024,
      onSetAside: () => onSetAside(file),
    });
  }
  const address = parsePostgresUrl(place.url);
  if (address === undefined) throw new Error('history.url is not a PostgreSQL URL');
  const { caFile } = place;
  const authorities =
    caFile === undefined ? undefined : checkedAuthorities(readFileSync(caFile, 'utf8'), caFile);
  return new PostgresDatabase(address, authorities);
}
