import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Mode } from '../../src/api/resources.ts';
import type { History } from '../../src/history/history.ts';
import { migrate } from '../../src/history/migrations.ts';
import { parsePostgresUrl } from '../../src/history/postgres/connection-settings.ts';
import { PostgresDatabase } from '../../src/history/postgres/postgres-database.ts';
import { SqliteFile } from '../../src/history/sqlite/sqlite-file.ts';
import { DEADLINE } from '../../src/history/sqlite/messages.ts';
import { writeBatch } from '../../src/history/write-batch.ts';
import { decision, image, verified } from '../observe/decision.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { startPostgres, type Postgres } from '../support/postgres.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';
import { freePort } from '../support/ports.ts';
import { BOTH, databaseOf, open, review, sqliteGrounds, TIMING, Told } from './support.ts';

const LONG = 60_000;
const CHANGE = {
  actor: 'a',
  action: 'b',
  kind: 'c',
  namespace: '',
  name: 'n',
  before: undefined,
  after: undefined,
};
let history: History | undefined;
afterEach(async () => {
  await history?.stop(5_000);
  history = undefined;
});

async function names(from: History): Promise<readonly string[]> {
  const { rows } = await from.reader.verifications({}, undefined, 500);
  return rows.map((row) => row.image);
}

/** Warnings and what came after them. */
const said = ({ lines }: Told) => lines.map((line) => line.replace(/ \{.*/, ''));
const cannot = 'warn the history cannot be written, will try again; decisions go on as before';
const canAgain = 'info the history can be written again';

describe('a history in SQLite', () => {
  const grounds = sqliteGrounds();
  afterAll(() => grounds.stop());

  async function file(): Promise<{ place: { path: string; maxMegabytes: number } }> {
    const { place } = await grounds.fresh();
    if (!('path' in place)) throw new Error('not a file');
    return { place };
  }

  test('a folder that cannot be: said once, decisions go on, and it recovers by itself', async () => {
    const { place } = await file();
    const folder = join(dirname(place.path), 'later');
    writeFileSync(folder, 'a file where the folder should be');
    const told = new Told();
    const ground = { place: { ...place, path: join(folder, 'history.db') } };
    history = open(ground, told, { settings: { bufferRows: 200 } });
    const from = history;
    const took = threadMilliseconds(() => {
      for (let index = 0; index < 1_000; index += 1) from.decided(review(`i:${index}`), 1);
    });
    expect(took).toBeLessThan(1_000);
    await eventually('it was tried', () => told.isAvailable === false);
    await expect(history.reader.verifications({}, undefined, 5)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    for (let index = 1_000; index < 1_100; index += 1) history.decided(review(`i:${index}`), 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(said(told)).toEqual([cannot]);
    rmSync(folder);
    const accounted = () => told.rows + (told.losses['overflow'] ?? 0);
    await eventually('each row is written or counted', () => accounted() === 1_100);
    await untilHolds('it is said', () => expect(said(told)).toEqual([cannot, canAgain]));
    // Bounded, and the oldest dropped first.
    expect(told.most).toBeLessThanOrEqual(300);
    expect(told.rows).toBeGreaterThanOrEqual(100);
    expect((await names(history))[0]).toBe('i:1099');
  });

  test('a file that is no database is set aside, and a new one begins', async () => {
    const { place } = await file();
    writeFileSync(place.path, 'x'.repeat(10_000));
    const told = new Told();
    history = open({ place }, told);
    history.decided(review('a:1'), 1);
    await eventually('it is written', () => told.rows === 1);
    expect(told.filesSetAside).toBe(1);
    expect(readFileSync(`${place.path}.corrupt`, 'utf8')).toBe('x'.repeat(10_000));
    expect(said(told)).toContain(
      'error the history is damaged: it was set aside as .corrupt, and a new one begins',
    );
    expect(await names(history)).toEqual(['a:1']);
  });

  test('a file that is damaged while it is used is set aside, and both who write and who read go on', async () => {
    const { place } = await file();
    const told = new Told();
    history = open({ place }, told);
    for (let index = 0; index < 3_000; index += 1) history.decided(review(`i:${index}`), 1);
    await eventually('they are written', () => told.rows === 3_000);
    expect(await names(history)).toHaveLength(500);
    await history.stop(LONG);
    // Every page but the first, with the log gone: the header still says that it is a database.
    const bytes = readFileSync(place.path);
    bytes.fill(0xa5, 4_096);
    writeFileSync(place.path, bytes);
    const after = new Told();
    history = open({ place }, after);
    history.decided(review('b:1'), 1);
    await eventually('it is written', () => after.rows === 1);
    expect(after.filesSetAside).toBe(1);
    expect(statSync(`${place.path}.corrupt`).size).toBe(bytes.length);
    expect(await names(history)).toEqual(['b:1']);
    expect(readdirSync(dirname(place.path)).filter((name) => name.includes('corrupt'))).toHaveLength(1);
  });

  test('a file that was cut short under it does not stop it', async () => {
    const { place } = await file();
    const told = new Told();
    history = open({ place }, told);
    for (let index = 0; index < 3_000; index += 1) history.decided(review(`i:${index}`), 1);
    await eventually('they are written', () => told.rows === 3_000);
    await history.stop(LONG);
    truncateSync(place.path, 20_000);
    const after = new Told();
    history = open({ place }, after);
    for (let index = 0; index < 500; index += 1) history.decided(review(`j:${index}`), 1);
    await eventually('they are written', () => after.rows === 500);
    expect((await names(history))[0]).toBe('j:499');
  });

  test('a file that somebody removed is made again', async () => {
    const { place } = await file();
    const told = new Told();
    history = open({ place }, told);
    history.decided(review('a:1'), 1);
    await eventually('it is written', () => told.rows === 1);
    expect(await names(history)).toEqual(['a:1']);
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${place.path}${suffix}`, { force: true });
    history.decided(review('b:1'), 1);
    await eventually('it is written', () => told.rows === 2);
    expect(existsSync(place.path)).toBe(true);
    expect(await names(history)).toEqual(['b:1']);
  });

  test("another program's database is left alone", async () => {
    const { place } = await file();
    const other = new DatabaseSync(place.path);
    other.exec("create table theirs(x); insert into theirs values ('precious')");
    other.close();
    const before = readFileSync(place.path);
    const told = new Told();
    history = open({ place }, told);
    history.decided(review('a:1'), 1);
    await eventually('it was tried', () => told.isAvailable === false);
    await history.stop(1_000);
    expect(readFileSync(place.path).equals(before)).toBe(true);
    expect([told.filesSetAside, told.losses]).toEqual([0, { shutdown: 1 }]);
    expect(told.lines.join()).toContain('a database of another program');
  });

  test('one that reached its bound gives up the oldest, and keeps the newest', async () => {
    const { place } = await file();
    const told = new Told();
    history = open({ place: { ...place, maxMegabytes: 2 } }, told);
    for (let index = 0; index < 5_000; index += 1) history.decided(review(`i:${index}`), 1);
    await eventually('they are written', () => told.rows === 5_000);
    expect(told.gone).toBeGreaterThan(100);
    expect(told.losses).toEqual({});
    expect((await names(history))[0]).toBe('i:4999');
    expect(statSync(place.path).size).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  const mountable = canMount();
  // A super-user writes to what is only marked read-only: it takes a file system that is.
  (mountable ? test : test.skip)(
    'a disk that is full, and one that is read-only (needs the right to mount)',
    async () => {
      const { place } = await file();
      const folder = join(dirname(place.path), 'disk');
      mkdirSync(folder);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
      try {
        const told = new Told();
        history = open({ place: { ...place, path: join(folder, 'history.db') } }, told);
        history.decided(review('a:1'), 1);
        await eventually('it is written', () => told.rows === 1);
        writeFileSync(join(folder, 'ballast'), Buffer.alloc(7 * 1024 * 1024));
        for (let index = 0; index < 3_000; index += 1) history.decided(review(`i:${index}`), 1);
        await eventually('the disk is full', () => told.isAvailable === false);
        rmSync(join(folder, 'ballast'));
        await eventually('it goes on', () => told.isAvailable === true);
        await history.stop(LONG);
        execFileSync('mount', ['-o', 'remount,ro', folder]);
        const after = new Told();
        history = open({ place: { ...place, path: join(folder, 'history.db') } }, after);
        history.decided(review('b:1'), 1);
        await eventually('it was tried', () => after.isAvailable === false);
        expect(after.filesSetAside).toBe(0);
        execFileSync('mount', ['-o', 'remount,rw', folder]);
        await eventually('it goes on', () => after.rows === 1);
      } finally {
        await history?.stop(5_000);
        execFileSync('umount', ['-l', folder]);
      }
    },
  );

  test('a statement ends at its deadline, and one that nobody waits for any more is not begun', async () => {
    const { place } = await file();
    const connection = new SqliteFile({ file: place.path, role: 'writer', maxBytes: 2 ** 28 });
    const endless =
      'with recursive s(n) as (select 1 union all select n + 1 from s) select count(*) from s where countersign_in_time(n)';
    // It would never come back.
    const problems = [Date.now() + 200, Date.now() - 1].map((deadline) => {
      try {
        return connection.run(endless, [], deadline);
      } catch (error) {
        return connection.problemOf(error);
      }
    });
    expect(problems).toMatchObject([{ code: DEADLINE }, { code: DEADLINE, setAside: false }]);
    expect(connection.run('select 1 as one', [], undefined).rows).toMatchObject([{ one: 1 }]);
    connection.close();
  });
});

describe('a history in PostgreSQL', () => {
  let server: Postgres;
  const proxies: Server[] = [];
  afterAll(async () => {
    for (const proxy of proxies) proxy.close();
    await server.stop();
  });

  test('a server that is down, at the start and later: said once, and it recovers by itself', async () => {
    server = await startPostgres();
    await server.crash();
    const told = new Told();
    history = open({ place: { url: server.url, caFile: undefined } }, told, {
      settings: { bufferRows: 500 },
    });
    for (let index = 0; index < 100; index += 1) history.decided(review(`i:${index}`), 1);
    await eventually('it was tried', () => told.isAvailable === false);
    await expect(history.reader.verifications({}, undefined, 5)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await server.start();
    await eventually('they are written', () => told.rows === 100);
    expect(await names(history)).toHaveLength(100);
    await server.crash();
    for (let index = 100; index < 200; index += 1) history.decided(review(`i:${index}`), 1);
    await eventually('it was tried', () => told.isAvailable === false);
    await server.start();
    await eventually('they are written', () => told.rows === 200);
    expect(new Set(await names(history)).size).toBe(200);
    await untilHolds('it is said', () => expect(said(told)).toEqual([cannot, canAgain, cannot, canAgain]));
    expect(told.lines.join()).not.toContain('history-test');
    expect(told.losses).toEqual({});
  });

  test('tables that somebody dropped are made again', async () => {
    const told = new Told();
    history = open({ place: { url: server.url, caFile: undefined } }, told);
    history.decided(review('a:1'), 1);
    await eventually('it is written', () => told.rows === 1);
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query('drop schema public cascade');
    await client.query('create schema public');
    await client.end();
    history.decided(review('b:1'), 1);
    await eventually('it is written', () => told.rows === 2);
    expect(await names(history)).toEqual(['b:1']);
  });

  test('a wrong password is said without the password', async () => {
    const told = new Told();
    const url = server.url.replace(/:[^:@]*@/, ':hunter2@');
    history = open({ place: { url, caFile: undefined } }, told);
    history.decided(review('a:1'), 1);
    await eventually('it was tried', () => told.isAvailable === false);
    await untilHolds('it is said', () =>
      expect(told.lines.join()).toContain('password authentication failed'),
    );
    expect(told.lines.join()).not.toContain('hunter2');
  });

  test('a server that falls silent is given up, and spoken to again when it answers', async () => {
    const { port, block } = await proxyTo(server.port, proxies);
    const address = parsePostgresUrl(server.url.replace(/:\d+\//, `:${port}/`));
    if (address === undefined) throw new Error('not a URL');
    const limits = { connect: 3_000, write: 3_000, margin: 500 };
    const database = new PostgresDatabase(address, undefined, limits);
    await migrate(database.writer, 'postgres');
    const batch = (id: string) => writeBatch(database.writer, { id, verifications: [], changes: [] }, 1);
    await batch('before');
    block(true);
    const began = performance.now();
    const error: unknown = await batch('silent').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    // The limits of a history are sixteen seconds.
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(database.failure(error)).toBe('unavailable');
    block(false);
    await batch('after');
    await database.close();
  });
});

describe.each(BOTH)('a batch in %s', (_name, groundsOf) => {
  const grounds = groundsOf();
  afterAll(() => grounds.stop());

  test('whose answer was lost is not written twice, and half of one is never there', async () => {
    const database = databaseOf(await grounds.fresh());
    await migrate(database.writer, database.kind);
    // The second time the tables are there already.
    await migrate(database.writer, database.kind);
    const change = CHANGE;
    const batch = { id: 'one', verifications: [], changes: [{ ...change, time: 1, replica: 'r' }] };
    await writeBatch(database.writer, batch, 1);
    await writeBatch(database.writer, batch, 1);
    const bad = { ...change, time: 1, replica: null as unknown as string };
    const broken = { id: 'two', verifications: [], changes: [...batch.changes, bad] };
    const error: unknown = await writeBatch(database.writer, broken, 1).catch((thrown: unknown) => thrown);
    expect(database.failure(error)).toBe('refused');
    const { rows } = await database.reader
      .selectFrom('audit')
      .select(({ fn }) => fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow();
    expect(Number(rows)).toBe(1);
    await database.close();
  });

  test('is not mixed with another that is written at the same time', async () => {
    const database = databaseOf(await grounds.fresh());
    await migrate(database.writer, database.kind);
    const change = { ...CHANGE, time: 1, replica: 'r' };
    const batches = Array.from({ length: 20 }, (_, index) =>
      writeBatch(database.writer, { id: String(index), verifications: [], changes: [change] }, 1),
    );
    await Promise.all(batches);
    expect(await database.reader.selectFrom('audit').select('id').execute()).toHaveLength(20);
    await database.close();
  });

  test('with a row that the database refuses is written without it', async () => {
    const told = new Told();
    const ground = await grounds.fresh();
    history = open(ground, told, { timing: { ...TIMING, gather: 50 } });
    for (let index = 0; index < 20; index += 1) {
      // The type forbids it: it stands for a defect of our own.
      const mode = (index === 7 ? null : 'Enforce') as Mode;
      history.decided(decision({ images: [image([verified(mode)], `i:${index}`)] }), 1);
      if (index === 11) history.changed({ ...CHANGE, actor: 'someone' });
    }
    await eventually('the others are written', () => told.rows === 20);
    expect(told.losses).toEqual({ refused: 1 });
    expect(await names(history)).not.toContain('i:7');
    expect(await names(history)).toHaveLength(19);
  });
});

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A way to a port that can fall silent: what is sent goes nowhere, and nobody is told. */
async function proxyTo(target: number, proxies: Server[]) {
  let isBlocked = false;
  const proxy = createServer((near) => {
    if (isBlocked) return;
    const far = connect(target, '127.0.0.1');
    near.on('data', (bytes) => void (isBlocked || far.write(bytes)));
    far.on('data', (bytes) => void (isBlocked || near.write(bytes)));
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.on('close', () => far.destroy());
  });
  proxy.on('connection', (socket) => socket.unref());
  proxies.push(proxy);
  const port = await freePort();
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  return { port, block: (value: boolean) => void (isBlocked = value) };
}
