import { afterAll, describe, expect, test } from '@jest/globals';
import { createServer, type AddressInfo } from 'node:net';
import { loadSettings } from '../../src/config.ts';
import { parsePostgresUrl, poolSettings } from '../../src/history/postgres/connection-settings.ts';
import { historyMeter } from '../../src/observe/history-metrics.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createWorkDirectory } from '../support/work-dir.ts';

const work = createWorkDirectory('history-settings');
afterAll(() => work.remove());

function load(yaml: string, env: Record<string, string> = {}) {
  const file = join(work.path, 'settings.yaml');
  writeFileSync(file, yaml);
  return loadSettings({ file, flags: {}, env, cwd: '/' }).history;
}

const URL = 'postgres://user:hunter2@db.internal/history';

describe('the settings of the history', () => {
  test('keep it in the data directory unless they say where, or that nothing is kept', () => {
    const off = {
      enabled: true,
      maxMegabytes: 2048,
      retention: { days: 30, rows: 1_000_000 },
      bufferRows: 10_000,
    };
    expect(load('')).toEqual({ ...off, path: '/data/history.db' });
    expect(load('dataDirectory: here')).toEqual({ ...off, path: join(work.path, 'here/history.db') });
    expect(load('history: {enabled: false}')).toEqual({ ...off, enabled: false });
    expect(load('history: {path: h.db}')).toEqual({ ...off, path: join(work.path, 'h.db') });
    expect(load('', { COUNTERSIGN_HISTORY_URL: URL })).toEqual({ ...off, url: URL });
  });

  test.each([
    ['history: {path: a, url: "postgres://u:p@h/d"}', 'at most one'],
    ['history: {url: "mysql://u:hunter2@h/d"}', 'history.url'],
    ['history: {retention: {rows: 1}}', 'history.retention.rows'],
    ['history: {bufferRows: 1000000000}', 'history.bufferRows'],
  ])('%s is refused, without the password', (yaml, said) => {
    expect(() => load(yaml)).toThrow(said);
    expect(() => load(yaml)).not.toThrow('hunter2');
  });

  test.each([
    [
      'postgres://u:p%40@db.internal:6432/history',
      { host: 'db.internal', port: 6432, password: 'p@', tls: true },
    ],
    ['postgresql://u:p@127.0.0.1/h', { host: '127.0.0.1', port: 5432, database: 'h', tls: false }],
    ['postgres://u:p@[::1]/h', { host: '::1', tls: false }],
    ['postgres://u:p@127.0.0.1.example.com/h', { tls: true }],
    ['postgres://u:p@localhost/h?sslmode=verify-full', { tls: true }],
    ['postgres://u:p@db/h?sslmode=disable', { tls: false }],
    ['postgres://u:p@db/h?sslmode=require', undefined],
    ['postgres://u:p@db/h?sslmode=no-verify', undefined],
    ['postgres://u:p@db/h?host=/tmp', undefined],
    ['postgres://db/h', undefined],
    ['postgres://u:p@db/', undefined],
    ['not a URL', undefined],
  ])('%s', (url, expected) => {
    const address = parsePostgresUrl(url);
    if (expected === undefined) expect(address).toBeUndefined();
    else expect(address).toMatchObject(expected);
  });

  test('a certificate is verified wherever TLS is spoken', async () => {
    const address = parsePostgresUrl(URL);
    if (address === undefined) throw new Error('not a URL');
    expect(poolSettings(address, 'PEM').ssl).toEqual({ rejectUnauthorized: true, ca: 'PEM' });
    expect(poolSettings({ ...address, tls: false }, undefined).ssl).toBe(false);
  });

  test('no password is sent to a server without TLS', async () => {
    const { PostgresDatabase } = await import('../../src/history/postgres/postgres-database.ts');
    let received = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on('data', (bytes) => {
        received = Buffer.concat([received, bytes]);
        socket.write('N');
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const address = parsePostgresUrl(`postgres://u:hunter2@127.0.0.1:${port}/h?sslmode=verify-full`);
    if (address === undefined) throw new Error('not a URL');
    const database = new PostgresDatabase(address, undefined, { connect: 2_000 });
    await expect(database.writer.selectFrom('audit').select('id').execute()).rejects.toThrow(/SSL/);
    // The request for TLS, and nothing after it.
    expect(received).toHaveLength(8);
    await database.close();
    server.close();
  });

  test('every metric is in the documentation, and no other', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const meter = historyMeter(metrics);
    meter.lost('overflow', 2);
    meter.written(3, 5);
    const { text } = await metrics.scrape();
    expect(text).toContain('countersign_history_rows_lost_total{reason="overflow"} 2');
    expect(text).toContain('countersign_history_rows_written_total 3');
    const made = [...text.matchAll(/^# TYPE (countersign_history_\w+)/gm)].map(([, name]) => name);
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/history.md'), 'utf8');
    const named = [...page.matchAll(/^\| `(countersign_history_\w+)`/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(made.toSorted());
  });
});
