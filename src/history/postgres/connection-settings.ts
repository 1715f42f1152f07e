import type { PoolConfig } from 'pg';

/** Where PostgreSQL is, and how it is spoken to. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** False only on this machine, or where the URL says `sslmode=disable`. */
  readonly tls: boolean;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/**
 * Reads `postgres://user:password@host[:port]/database[?sslmode=verify-full|disable]`. Certificates are always verified where TLS is
 * spoken. Returns undefined for anything else: the text holds a password, so nothing of it goes into a message.
 */
export function parsePostgresUrl(text: string): PostgresAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const mode = url.searchParams.get('sslmode');
  const host = decoded(url.hostname)?.replace(/^\[(.*)\]$/, '$1');
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (!/^postgres(?:ql)?:$/.test(url.protocol) || !host || !user || !database || password === undefined) {
    return undefined;
  }
  const isKnown = [...url.searchParams.keys()].every((key) => key === 'sslmode');
  if (!isKnown || (mode !== null && mode !== 'verify-full' && mode !== 'disable')) return undefined;
  const tls = mode === null ? !LOOPBACK.test(host) : mode === 'verify-full';
  return { host, port: url.port === '' ? 5432 : Number(url.port), database, user, password, tls };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** @param ca PEM of the authorities that are trusted instead of the system's */
export function poolSettings(address: PostgresAddress, ca: string | undefined): PoolConfig {
  const { tls, host, port, database, user, password } = address;
  return {
    host,
    port,
    database,
    user,
    password,
    ssl: tls ? { rejectUnauthorized: true, ...(ca !== undefined && { ca }) } : false,
    application_name: 'countersign',
    keepAlive: true,
  };
}
