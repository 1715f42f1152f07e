import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { createWorkDirectory } from '../support/work-dir.ts';
import { openDoor, type Door } from './door.ts';

/** A request that is refused by its head alone: its sender still writes the body, and must come to read the answer. */
const work = createWorkDirectory('unread-body');
let door: Door;

beforeAll(async () => {
  door = await openDoor(work.path);
});
afterAll(async () => {
  await door.stop();
  work.remove();
});

async function connected(): Promise<TLSSocket> {
  const socket = connect({ port: door.port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket.setEncoding('utf8');
}

const head = (method: string, path: string, length?: number): string =>
  [
    `${method} /api/v1${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...(length === undefined ? [] : ['Content-Type: text/plain', `Content-Length: ${length}`]),
    '\r\n',
  ].join('\r\n');

async function answer(socket: TLSSocket): Promise<string> {
  const [text] = (await once(socket, 'data')) as [string];
  return text;
}

test('the rest of a short body is taken, and the connection is good for the next request', async () => {
  const socket = await connected();
  socket.write(head('POST', '/session', 100_000));
  expect(await answer(socket)).toMatch(/^HTTP\/1\.1 4\d\d /);
  socket.write('x'.repeat(100_000));
  socket.write(head('GET', '/session'));
  expect(await answer(socket)).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

test('of a long one nothing is waited for', async () => {
  const socket = await connected();
  socket.write(head('POST', '/session', 1024 * 1024 + 1));
  const text = await answer(socket);
  expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(text).toMatch(/^Connection: close\r$/im);
  socket.destroy();
});
