import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { OperationsServer } from '../../src/http/operations-server.ts';
import { LIMITS } from '../../src/limits.ts';
import { silentLogger } from '../../src/log.ts';
import { openDoor, PASSWORD, type Door } from '../admin/door.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { AdmittingAdmission, review, startWebhook, type Running } from './support.ts';

/** Senders that wait for "100 Continue" before they send a body, over a raw socket: a client would hide the interim answer. */
const work = createWorkDirectory('expect-continue');
const sockets: Socket[] = [];

interface Sender {
  readonly socket: Socket;
  /** All that has come, once it holds the pattern; or at the connection's end. */
  until(pattern: RegExp): Promise<string>;
}

async function sender(port: number, secure = true): Promise<Sender> {
  const address = { port, host: '127.0.0.1' };
  const socket = secure ? connect({ ...address, rejectUnauthorized: false }) : connectTcp(address);
  sockets.push(socket);
  let said = '';
  socket.setEncoding('utf8').on('data', (text: string) => (said += text));
  socket.on('error', () => undefined);
  await once(socket, secure ? 'secureConnect' : 'connect');
  const until = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(said) && !socket.closed) {
      await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    }
    return said;
  };
  return { socket, until };
}

interface Head {
  readonly path: string;
  readonly length: number;
  readonly headers?: readonly string[];
  readonly method?: string;
}

function head({ path, length, headers = [], method = 'POST' }: Head): string {
  return [
    `${method} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${length}`,
    'Expect: 100-continue',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

const STATUS = /^HTTP\/1\.1 \d{3} .*$/gm;
const statuses = (said: string) => (said.match(STATUS) ?? []).map((line) => Number(line.slice(9, 12)));
const ASKED = /^HTTP\/1\.1 100 /m;
const FINAL = /^HTTP\/1\.1 [2-5]\d\d .*\r\n(?:.+\r\n)*\r\n/m;

/** A body that is asked for, sent and accepted. */
async function accepted(port: number, of: Omit<Head, 'length'>, body: string): Promise<void> {
  const { socket, until } = await sender(port);
  socket.write(head({ ...of, length: Buffer.byteLength(body) }));
  expect(statuses(await until(ASKED))).toEqual([100]);
  socket.write(body);
  expect(statuses(await until(FINAL))).toEqual([100, 200]);
}

/** The whole answer to a head whose body is never sent. */
async function refused(port: number, of: Head, secure = true): Promise<string> {
  const { socket, until } = await sender(port, secure);
  socket.write(head(of));
  return until(FINAL);
}

/** Nothing before the refusal, and the connection ends with it: whether a body follows is not known. */
function expectRefusal(said: string, status: number): void {
  expect(statuses(said)).toEqual([status]);
  expect(said).toMatch(/^Connection: close\r$/im);
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => work.remove());

describe('F18: the webhook', () => {
  let admission: AdmittingAdmission;
  let webhook: Running;
  beforeEach(async () => {
    admission = new AdmittingAdmission();
    webhook = await startWebhook({ admission });
  });
  afterEach(() => webhook.stop());

  test.each([
    ['/validate', LIMITS.admissionReviewBytes],
    ['/mutate', LIMITS.admissionReviewBytes],
    ['/validate-policy', LIMITS.policyReviewBytes],
  ])('%s asks for a body up to its limit, and refuses a longer one unasked', async (path, limit) => {
    const { port } = webhook.server;
    const text = JSON.stringify(review({ kind: { group: 'countersign.dev', version: 'v1', kind: 'X' } }));
    await accepted(port, { path }, text.padEnd(limit, ' '));
    expectRefusal(await refused(port, { path, length: limit + 1 }), 413);
  });

  test('what is refused by its head alone is not asked for either', async () => {
    const { port } = webhook.server;
    expectRefusal(await refused(port, { path: '/nowhere', length: 10 }), 404);
    const compressed = { path: '/validate', length: 10, headers: ['Content-Encoding: gzip'] };
    expectRefusal(await refused(port, compressed), 415);
    expect(admission.asked).toEqual([]);
  });
});

describe('the admin server', () => {
  let door: Door;
  const path = '/api/v1/session';
  beforeAll(async () => {
    door = await openDoor(work.path);
  });
  afterAll(() => door.stop());

  test('asks for a body up to its limit, and refuses a longer one unasked', async () => {
    const headers = [`Origin: https://127.0.0.1`];
    await accepted(door.port, { path, headers }, JSON.stringify({ method: 'password', password: PASSWORD }));
    expectRefusal(await refused(door.port, { path, length: 1024 * 1024, headers }), 413);
  });

  test('what is refused by its head alone is not asked for either', async () => {
    // No Origin, and nobody is signed in.
    expectRefusal(await refused(door.port, { path, length: 10 }), 403);
    expectRefusal(await refused(door.port, { path: '/api/v1/nothing', length: 10 }), 404);
    expectRefusal(await refused(door.port, { path, length: 10, method: 'PUT' }), 405);
  });
});

test('the operations port, which reads no body, asks for none', async () => {
  const server = new OperationsServer({
    host: '127.0.0.1',
    port: 0,
    notReady: () => [],
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    logger: silentLogger,
  });
  await server.start();
  try {
    expectRefusal(await refused(server.port, { path: '/healthz', length: 10 }, false), 405);
    expectRefusal(await refused(server.port, { path: '/healthz', length: 10, method: 'GET' }, false), 200);
  } finally {
    await server.stop(1_000);
  }
});
