import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { OperationsServer } from '../../src/http/operations-server.ts';
import { silentLogger } from '../../src/log.ts';
import { eventually } from '../kube/eventually.ts';
import { http } from '../support/http-client.ts';

let server: OperationsServer | undefined;
afterEach(() => server?.stop(1_000));

async function start(
  over: { notReady?: () => readonly string[]; metrics?: () => Promise<never> } = {},
): Promise<string> {
  server = new OperationsServer({
    host: '127.0.0.1',
    port: 0,
    notReady: () => [],
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    logger: silentLogger,
    ...over,
  });
  await server.start();
  return `http://127.0.0.1:${server.port}`;
}

describe('the operations port', () => {
  test('tells that the process is alive while it is not ready', async () => {
    const url = await start({
      notReady: () => ['clustersigningpolicies could not be listed yet', 'draining'],
    });
    expect((await http(`${url}/healthz`)).status).toBe(200);
    const ready = await http(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(ready.body.toString()).toBe(
      'not ready\n- clustersigningpolicies could not be listed yet\n- draining\n',
    );
  });

  test('tells that it is ready', async () => {
    const url = await start();
    expect((await http(`${url}/readyz?verbose`)).body.toString()).toBe('ready\n');
  });

  test('serves the metrics with their type', async () => {
    const url = await start();
    const { headers, body } = await http(`${url}/metrics`);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4');
    expect(body.toString()).toBe('up 1\n');
  });

  test('a page that fails does not end the process', async () => {
    const url = await start({ metrics: () => Promise.reject(new Error('a collector failed')) });
    const failed = await http(`${url}/metrics`);
    expect(failed.status).toBe(500);
    expect(failed.body.toString()).not.toContain('collector');
    expect((await http(`${url}/healthz`)).status).toBe(200);
  });

  test('F11: silent connections keep nobody out, and do not last', async () => {
    const url = await start();
    const closed: number[] = [];
    const silent = Array.from({ length: 300 }, () => connect({ host: '127.0.0.1', port: server?.port ?? 0 }));
    for (const socket of silent)
      socket
        .on('error', () => undefined)
        .on('close', () => closed.push(1))
        .resume();
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    expect((await http(`${url}/healthz`)).status).toBe(200);
    // A request that has begun is given 10 s.
    await eventually('all are closed', () => closed.length === 300, 9_500);
  });

  test('has no other pages and takes no other methods', async () => {
    const url = await start();
    expect((await http(`${url}/debug`)).status).toBe(404);
    expect((await http(`${url}/healthz`, { method: 'POST', body: 'x' })).status).toBe(405);
    const head = await http(`${url}/healthz`, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
  });
});
