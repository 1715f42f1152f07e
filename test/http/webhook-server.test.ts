import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { eventually } from '../kube/eventually.ts';
import { createAuthority } from '../support/certificates.ts';
import {
  AdmittingAdmission,
  certificateFor,
  clientOf,
  decisionOn,
  pod,
  post,
  review,
  reviewIn,
  startWebhook,
  type Running,
} from './support.ts';

const MIB = 1024 * 1024;
/** As long as an API server can be told to wait. */
const PATIENT = '/validate?timeout=30s';
const uid = '705ab4f5-6393-11e8-b7cc-42010a800002';

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(...options: Parameters<typeof startWebhook>): Promise<Running> {
  running = await startWebhook(...options);
  return running;
}

/** An admission whose decisions wait until they are let go, one list for each namespace. */
class WaitingAdmission extends AdmittingAdmission {
  readonly signals: AbortSignal[] = [];
  readonly #waiting: (() => void)[] = [];

  override async validate(request: AdmissionRequest, signal: AbortSignal): Promise<Decision> {
    this.signals.push(signal);
    this.asked.push(request);
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => resolve());
    });
    return decisionOn(request, { allowed: !signal.aborted, code: signal.aborted ? 503 : 200 });
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const until = (condition: () => boolean) => eventually(String(condition), condition);

describe('answers', () => {
  test('an admission keeps the uid, warnings and audit annotations', async () => {
    const admission = new AdmittingAdmission();
    admission.validate = async (request) =>
      decisionOn(request, { warnings: ['by tag'], auditAnnotations: { outcome: 'admitted', snapshot: '7' } });
    const { client } = await start({ admission });
    const answer = await post(client, '/validate?timeout=10s', JSON.stringify(review()));
    expect(answer.status).toBe(200);
    expect(reviewIn(answer)).toEqual({
      uid,
      allowed: true,
      warnings: ['by tag'],
      auditAnnotations: { outcome: 'admitted', snapshot: '7' },
    });
  });

  test('a denial is a Status with code, reason and the whole message', async () => {
    const admission = new AdmittingAdmission();
    const message = 'Image ghcr.io/org/server:v1 is not signed. Signature required.\n  policy: x';
    admission.validate = async (request) => decisionOn(request, { allowed: false, code: 403, message });
    const { client } = await start({ admission });
    expect(reviewIn(await post(client, '/validate', JSON.stringify(review())))).toMatchObject({
      uid,
      allowed: false,
      status: { status: 'Failure', code: 403, reason: 'Forbidden', message },
    });
  });

  test('a patch is base64 of a JSON patch, and what cannot be pinned is left alone', async () => {
    const admission = new AdmittingAdmission();
    const { client } = await start({ admission });
    const pinned = reviewIn(await post(client, '/mutate', JSON.stringify(review())));
    expect(pinned).toMatchObject({ uid, allowed: true, patchType: 'JSONPatch' });
    expect(JSON.parse(Buffer.from(pinned.patch ?? '', 'base64').toString())).toEqual([
      { op: 'replace', path: '/spec/containers/0/image', value: 'a@b' },
    ]);
    admission.mutate = async () => {
      throw new Error('registry down');
    };
    expect(reviewIn(await post(client, '/mutate', JSON.stringify(review())))).toEqual({ uid, allowed: true });
  });

  test('E13: a defect in the decision path is a denial with the same uid', async () => {
    const admission = new AdmittingAdmission();
    const { client } = await start({ admission });
    expect(reviewIn(await post(client, '/validate', JSON.stringify(review()))).allowed).toBe(true);
    admission.validate = async () => {
      throw new TypeError('x is undefined');
    };
    const denied = await post(client, '/validate', JSON.stringify(review()));
    expect(reviewIn(denied)).toMatchObject({ uid, allowed: false, status: { code: 500 } });
    expect(denied.text).not.toContain('x is undefined');
  });

  test('E18: a dry run gets the same verdict, and is told to the decision path as one', async () => {
    const admission = new AdmittingAdmission();
    const { client } = await start({ admission });
    const real = await post(client, '/validate', JSON.stringify(review()));
    const dry = await post(client, '/validate', JSON.stringify(review({ dryRun: true })));
    expect(reviewIn(dry)).toEqual(reviewIn(real));
    expect(admission.asked.map(({ dryRun }) => dryRun)).toEqual([false, true]);
  });
});

describe('E20: what is not a well-formed AdmissionReview v1 is never allowed', () => {
  const good = JSON.stringify(review());
  const nested = `{"a":`.repeat(70) + '1' + '}'.repeat(70);
  const malformed: readonly (readonly [string, string | Buffer])[] = [
    ['an empty body', ''],
    ['half a body', good.slice(0, -20)],
    ['something after it', `${good}{}`],
    ['a list', `[${good}]`],
    ['null', 'null'],
    ['no request', JSON.stringify({ ...review(), request: undefined })],
    ['a request of null', JSON.stringify({ ...review(), request: null })],
    ['no uid', JSON.stringify(review({ uid: undefined }))],
    ['a uid that is no text', JSON.stringify(review({ uid: { a: 1 } }))],
    ['a uid that breaks lines', JSON.stringify(review({ uid: 'a\r\nb' }))],
    ['an object of null', JSON.stringify(review({ object: null }))],
    ['an object that is a text', JSON.stringify(review({ object: 'pod' }))],
    ['v1beta1', good.replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1')],
    ['another kind', good.replace('AdmissionReview', 'SubjectAccessReview')],
    ['an object of another kind', JSON.stringify(review({ object: { ...pod(), kind: 'ConfigMap' } }))],
    ['an object of another version', JSON.stringify(review({ object: { ...pod(), apiVersion: 'v2' } }))],
    ['an unknown operation', JSON.stringify(review({ operation: 'PATCH' }))],
    ['an UPDATE without its old object', JSON.stringify(review({ operation: 'UPDATE' }))],
    ['a DELETE without an object', JSON.stringify(review({ operation: 'DELETE', object: null }))],
    ['the same key twice', good.replace('"operation":', '"operation":"DELETE","operation":')],
    [
      'the same key twice, once escaped',
      good.replace('"operation":', '"\\u006fperation":"DELETE","operation":'),
    ],
    ['a request under __proto__', good.replace('"request":', '"__proto__":')],
    ['a byte that is not UTF-8', Buffer.from(good.replace('server:v1', 'server:\u{80}'), 'latin1')],
    ['a byte order mark', `\u{feff}${good}`],
    ['nesting without end', good.replace('"dryRun":false', `"dryRun":false,"x":${nested}`)],
  ];

  test.each(malformed)('E20: %s', async (_what, body) => {
    const admission = new AdmittingAdmission();
    const { client } = await start({ admission });
    for (const path of ['/validate', '/mutate', '/validate-policy']) {
      const answer = await post(client, path, body);
      if (answer.status === 200)
        expect(reviewIn(answer)).toMatchObject({ uid, allowed: false, status: { code: 400 } });
      else expect(answer.status).toBe(400);
      expect(answer.text).not.toContain('"allowed":true');
    }
    expect(admission.asked).toHaveLength(0);
    expect(reviewIn(await post(client, '/validate', good)).allowed).toBe(true);
  });

  test('E20: a denial under the uid where it could be read, else 400', async () => {
    const { client } = await start();
    const denied = await post(client, '/validate', JSON.stringify(review({ object: null })));
    expect(reviewIn(denied)).toMatchObject({
      uid,
      allowed: false,
      status: { code: 400, reason: 'BadRequest' },
    });
    expect((await post(client, '/validate', 'null')).status).toBe(400);
  });

  const media: readonly (readonly [string, Record<string, string>])[] = [
    ['no JSON', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['YAML', { 'content-type': 'application/yaml' }],
  ];
  test.each(media)('E20: the content type of %s', async (_what, headers) => {
    const { client } = await start();
    expect((await post(client, '/validate', good, headers)).status).toBe(415);
    expect(
      (await post(client, '/validate', good, { 'content-type': 'application/json; charset=utf-8' })).status,
    ).toBe(200);
  });

  test('F4: a compressed body is refused before anything is inflated', async () => {
    const { client } = await start();
    const answer = await post(client, '/validate', gzipSync(good), { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(415);
    expect((await post(client, '/validate', good)).status).toBe(200);
  });

  test('E20: other paths and methods', async () => {
    const { client } = await start();
    expect((await post(client, '/', good)).status).toBe(404);
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const { statusCode, body } = await client.request({ method, path: '/validate' });
      await body.dump();
      expect(statusCode).toBe(404);
    }
  });
});

describe('F18: the size of a body', () => {
  const withBytes = (bytes: number) => {
    const filled = {
      ...pod(),
      metadata: { name: 'server', namespace: 'mcp', annotations: { x: 'x'.repeat(bytes / 2) } },
    };
    return JSON.stringify(review({ operation: 'UPDATE', object: filled, oldObject: filled }));
  };

  test('F18: two objects of 3 MiB each are read, one byte over the limit is not', async () => {
    const { client } = await start();
    expect(reviewIn(await post(client, '/validate', withBytes(6 * MIB))).allowed).toBe(true);
    const limit = 7 * MIB;
    const body = JSON.stringify(review());
    const padded = (bytes: number) => body.slice(0, -1) + ' '.repeat(bytes - body.length) + '}';
    expect((await post(client, '/validate', padded(limit))).status).toBe(200);
    expect((await post(clientOf((running as Running).server), '/validate', padded(limit + 1))).status).toBe(
      413,
    );
  });

  test('F18: a document of our own has a smaller one', async () => {
    const { client, server } = await start();
    const body = JSON.stringify(policyReview());
    const padded = (bytes: number) => body.slice(0, -1) + ' '.repeat(bytes - body.length) + '}';
    expect((await post(client, '/validate-policy', padded(3 * MIB))).status).toBe(200);
    const other = clientOf(server);
    expect((await post(other, '/validate-policy', padded(3 * MIB + 1))).status).toBe(413);
    await other.destroy();
  });

  test('F18: many small objects are refused before they are made', async () => {
    const admission = new AdmittingAdmission();
    const { client } = await start({ admission });
    const withObjects = (count: number) =>
      JSON.stringify(review({ object: { ...pod(), x: Array.from({ length: count }, () => ({})) } }));
    expect(reviewIn(await post(client, '/validate', withObjects(150_000))).allowed).toBe(true);
    const refused = await post(client, '/validate', withObjects(250_000));
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('[LIMIT]')]);
    expect(admission.asked).toHaveLength(1);
  });

  test('F18: 50 MiB are refused by what is announced, and by what comes where nothing is', async () => {
    const admission = new AdmittingAdmission();
    const { server } = await start({ admission });
    const announced = await fiftyMebibytes(server.port, 'Content-Length: 52428800');
    expect(announced).toContain('413');
    const chunked = await fiftyMebibytes(server.port, 'Transfer-Encoding: chunked');
    expect(chunked).toContain('413');
    expect(admission.asked).toHaveLength(0);
    const client = clientOf(server);
    expect((await post(client, '/validate', JSON.stringify(review()))).status).toBe(200);
    await client.close();
  });
});

/** Sends as much as the server takes, and returns the first line of what it says. */
function fiftyMebibytes(port: number, header: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      socket.write(
        `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${header}\r\n\r\n`,
      );
      const piece = Buffer.alloc(64 * 1024, ' ');
      const chunk = Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]);
      let left = 800;
      const write = () => {
        while (left-- > 0 && !socket.destroyed) {
          if (!socket.write(header.startsWith('Transfer') ? chunk : piece)) {
            socket.once('drain', write);
            return;
          }
        }
      };
      write();
    });
    let said = '';
    socket.on('data', (data: Buffer) => (said += data.toString()));
    socket.on('error', (error) => (said === '' ? reject(error) : undefined));
    socket.on('close', () => resolve(said.split('\r\n')[0] ?? ''));
  });
}

/** With TLS 1.3 a client hears of it after its own part of the handshake; its own distrust of the server would read otherwise. */
const HANDSHAKE_REFUSED = /other side closed|ECONNRESET|certificate required|unknown ca/;

describe('E19: who may ask', () => {
  const authority = createAuthority('the API servers');
  const good = authority.issue({ commonName: 'kube-apiserver' });

  test('E19: with a client CA only its certificates get past the handshake', async () => {
    const stranger = createAuthority('the API servers');
    const admission = new AdmittingAdmission();
    const { server } = await start({ admission, clientCa: authority.certPem });
    const body = JSON.stringify(review());
    const bad = stranger.issue({ commonName: 'kube-apiserver' });

    for (const identity of [{}, { cert: bad.certPem, key: bad.keyPem }]) {
      const client = clientOf(server, identity);
      await expect(post(client, '/validate', body)).rejects.toThrow(HANDSHAKE_REFUSED);
      await client.destroy();
    }
    expect(admission.asked).toHaveLength(0);

    const client = clientOf(server, { cert: good.certPem, key: good.keyPem });
    expect(reviewIn(await post(client, '/validate', body)).allowed).toBe(true);
    await client.close();
  });

  test('E19: another serving certificate keeps the client CA', async () => {
    const { server } = await start({ clientCa: authority.certPem });
    const next = certificateFor();
    server.useKeyPair({ cert: next.certPem, key: next.keyPem });
    const body = JSON.stringify(review());
    const nobody = clientOf(server, { ca: next.caPem });
    await expect(post(nobody, '/validate', body)).rejects.toThrow(HANDSHAKE_REFUSED);
    await nobody.destroy();
    const client = clientOf(server, { ca: next.caPem, cert: good.certPem, key: good.keyPem });
    expect((await post(client, '/validate', body)).status).toBe(200);
    await client.close();
  });

  test('TLS 1.1 is not spoken', async () => {
    const { server } = await start();
    const handshake = (maxVersion: 'TLSv1.1' | 'TLSv1.2') =>
      new Promise<string>((resolve) => {
        const options = {
          port: server.port,
          host: '127.0.0.1',
          rejectUnauthorized: false,
          ciphers: 'ALL:@SECLEVEL=0',
        };
        const socket = connectTls({ ...options, minVersion: 'TLSv1', maxVersion }, () => {
          resolve(socket.getProtocol() ?? '');
          socket.destroy();
        });
        socket.on('error', () => resolve('refused'));
      });
    expect(await handshake('TLSv1.1')).toBe('refused');
    expect(await handshake('TLSv1.2')).toBe('TLSv1.2');
  });
});

describe('F11: a flood', () => {
  test('F11: what is above the limit of a namespace is denied at once, and others are served', async () => {
    const admission = new WaitingAdmission();
    const denied: Decision[] = [];
    const { server, client } = await start({
      admission,
      limits: { total: 6, perNamespace: 4 },
      observer: { decided: (decision) => void denied.push(decision) },
    });
    const flood = await floodWith(server, 10, 'noisy');
    await until(() => denied.length === 6);
    expect(admission.asked).toHaveLength(4);

    const other = post(
      client,
      PATIENT,
      JSON.stringify(review({ namespace: 'quiet', object: podIn('quiet') })),
    );
    await until(() => admission.asked.length === 5);
    expect(admission.asked.at(-1)?.namespace).toBe('quiet');
    // The namespace's own limit holds for pinning too, which denies nothing.
    const mutation = clientOf(server);
    expect(reviewIn(await post(mutation, '/mutate', bodyIn('noisy')))).toEqual({ uid, allowed: true });
    await mutation.close();

    admission.release();
    expect(reviewIn(await other).allowed).toBe(true);
    const answers = (await Promise.all(flood.answers)).map(reviewIn);
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(4);
    const refused = answers.filter(({ allowed }) => !allowed);
    expect(refused).toHaveLength(6);
    expect(refused[0]?.status?.message).toContain('OVERLOADED');
    expect(denied.every(({ codes }) => codes.includes('OVERLOADED'))).toBe(true);

    // What has left made room again.
    const again = post(client, PATIENT, bodyIn('noisy'));
    await until(() => admission.asked.length === 6);
    admission.release();
    expect(reviewIn(await again).allowed).toBe(true);
    await flood.close();
  });

  test('F11: checks of documents count as well', async () => {
    const admission = new WaitingAdmission();
    const { server, client } = await start({ admission, limits: { total: 1, perNamespace: 1 } });
    const check = async () =>
      reviewIn(await post(client, '/validate-policy', JSON.stringify(policyReview())));
    expect((await check()).allowed).toBe(true);
    const flood = await floodWith(server, 1, 'noisy');
    await until(() => admission.asked.length === 1);
    expect(await check()).toMatchObject({ allowed: false, status: { code: 503 } });
    admission.release();
    await Promise.all(flood.answers);
    expect((await check()).allowed).toBe(true);
    await flood.close();
  });

  test('F11: many namespaces together have a limit too', async () => {
    const admission = new WaitingAdmission();
    const { server } = await start({ admission, limits: { total: 3, perNamespace: 2 } });
    const floods = await Promise.all(['a', 'b', 'c'].map((namespace) => floodWith(server, 2, namespace)));
    const answers = floods.flatMap((flood) => flood.answers);
    await until(() => admission.asked.length === 3);
    await sleep(100);
    expect(admission.asked).toHaveLength(3);
    admission.release();
    const allowed = (await Promise.all(answers)).map(reviewIn).filter((answer) => answer.allowed);
    expect(allowed).toHaveLength(3);
    await Promise.all(floods.map((flood) => flood.close()));
  });
});

function policyReview(): Record<string, unknown> {
  const kind = { group: 'countersign.dev', version: 'v1alpha1', kind: 'ClusterSigningPolicy' };
  const resource = { group: 'countersign.dev', version: 'v1alpha1', resource: 'clustersigningpolicies' };
  const object = { apiVersion: 'countersign.dev/v1alpha1', kind: kind.kind, metadata: { name: 'p' } };
  return review({ kind, resource, requestKind: kind, requestResource: resource, namespace: '', object });
}

function podIn(namespace: string): unknown {
  return { ...pod(), metadata: { name: 'server', namespace } };
}

function bodyIn(namespace: string): string {
  return JSON.stringify(review({ namespace, object: podIn(namespace) }));
}

async function floodWith(server: Running['server'], count: number, namespace: string) {
  const clients = Array.from({ length: count }, () => clientOf(server));
  const answers = clients.map((client) => post(client, PATIENT, bodyIn(namespace)));
  return { answers, close: () => Promise.all(clients.map((client) => client.close())) };
}

describe('the deadline', () => {
  test('F5: the signal fires before the API server gives up, with a reason', async () => {
    const admission = new WaitingAdmission();
    const { client } = await start({ admission });
    // Timers of one process fire in the order in which they are due, however late.
    const order: string[] = [];
    const validate = admission.validate.bind(admission);
    admission.validate = (request, signal) => {
      setTimeout(() => order.push('the API server gives up'), 600);
      signal.addEventListener('abort', () => order.push((signal.reason as DOMException).name));
      return validate(request, signal);
    };
    const began = Date.now();
    const answer = await post(client, '/validate?timeout=1s', JSON.stringify(review()));
    expect(Date.now() - began).toBeGreaterThanOrEqual(480);
    expect(reviewIn(answer).allowed).toBe(false);
    await until(() => order.length === 2);
    expect(order).toEqual(['TimeoutError', 'the API server gives up']);
  });

  test('F5: it counts from the arrival of the request, not from the end of its body', async () => {
    const signals: AbortSignal[] = [];
    const admission = new AdmittingAdmission();
    admission.validate = async (request, signal) => {
      signals.push(signal);
      return decisionOn(request, { allowed: !signal.aborted });
    };
    const { client } = await start({ admission });
    const body = Buffer.from(JSON.stringify(review()));
    const slowly = async function* () {
      yield body.subarray(0, 10);
      await sleep(700);
      yield body.subarray(10);
    };
    expect(reviewIn(await post(client, PATIENT, slowly())).allowed).toBe(true);
    expect(reviewIn(await post(client, '/validate?timeout=1s', slowly())).allowed).toBe(false);
    expect(signals.map(({ reason }) => (reason as DOMException | undefined)?.name)).toEqual([
      undefined,
      'TimeoutError',
    ]);
  });

  test('a client that goes away ends the review', async () => {
    const admission = new WaitingAdmission();
    const { server } = await start({ admission });
    const client = clientOf(server);
    const gone = post(client, PATIENT, JSON.stringify(review())).catch((error: Error) => error);
    await until(() => admission.signals.length === 1);
    await client.destroy();
    await gone;
    await until(() => admission.signals[0]?.aborted === true);
    expect(admission.signals.map(({ reason }) => (reason as DOMException).name)).toEqual(['AbortError']);
  });

  test('an answered review leaves no signal behind that fires', async () => {
    const signals: AbortSignal[] = [];
    const admission = new AdmittingAdmission();
    admission.validate = async (request, signal) => {
      signals.push(signal);
      return decisionOn(request);
    };
    const { client } = await start({ admission });
    // Asked again where a busy machine did not answer in time.
    do await post(client, '/validate?timeout=1s', JSON.stringify(review()));
    while (signals.at(-1)?.aborted === true);
    await sleep(700);
    expect(signals.at(-1)?.aborted).toBe(false);
  });
});

/** Sends the text and then a byte now and then. Returns after how many milliseconds the connection was ended. */
function trickle({ port }: Running['server'], text: string): Promise<number> {
  return new Promise((resolve) => {
    const began = Date.now();
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      socket.write(text);
    });
    const more = setInterval(() => socket.write('x'), 100);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => {
      clearInterval(more);
      resolve(Date.now() - began);
    });
  });
}

describe('connections', () => {
  test('an idle connection outlives the time that headers may take, and serves again', async () => {
    const timing = { headers: 2_000, request: 3_000, check: 50, keepAlive: 60_000 };
    const { client } = await start({ timing });
    let connects = 0;
    client.on('connect', () => connects++);
    const ask = async () => (await post(client, '/validate', JSON.stringify(review()))).status;
    expect(await ask()).toBe(200);
    await sleep(3_500);
    expect(await ask()).toBe(200);
    expect(connects).toBe(1);
  });

  test('F5: headers that trickle in end the connection, long before a body would', async () => {
    const { server } = await start({ timing: { headers: 500, request: 60_000, check: 50 } });
    expect(await trickle(server, 'POST /validate HTTP/1.1\r\nHost: ')).toBeLessThan(30_000);
  });

  test('F5: a body that trickles in ends the connection', async () => {
    const { server } = await start({ timing: { headers: 2_000, request: 4_000, check: 50 } });
    const head =
      'POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n';
    expect(await trickle(server, head)).toBeGreaterThan(3_000);
  });

  test('F11: silent connections make room for those that ask, and never the other way round', async () => {
    const { server, client } = await start({ connections: { total: 6, perAddress: 4 } });
    expect((await post(client, '/validate', JSON.stringify(review()))).status).toBe(200);
    let connects = 0;
    client.on('connect', () => connects++);
    const silent: Socket[] = [];
    for (const localAddress of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      for (let count = 0; count < 6; count++) {
        const socket = connectTcp({ host: '127.0.0.1', port: server.port, localAddress });
        silent.push(socket.on('error', () => undefined).resume());
        await once(socket, 'connect');
      }
    }
    await until(() => silent.filter(({ destroyed }) => !destroyed).length === 5);
    // Who asked before keeps its connection, and who comes now gets one.
    expect((await post(client, '/validate', JSON.stringify(review()))).status).toBe(200);
    expect(connects).toBe(0);
    const other = clientOf(server);
    expect((await post(other, '/validate', JSON.stringify(review()))).status).toBe(200);
    await other.close();
    for (const socket of silent) socket.destroy();
  });

  test('F11: one address has no more than its share, whatever it sends', async () => {
    const { server } = await start({ connections: { total: 6, perAddress: 2 } });
    const clients = [clientOf(server), clientOf(server), clientOf(server)];
    const answers: (number | string)[] = [];
    for (const each of clients)
      answers.push(
        await post(each, '/validate', JSON.stringify(review())).then(
          ({ status }) => status,
          () => 'closed',
        ),
      );
    expect(answers).toEqual([200, 200, 'closed']);
    await Promise.all(clients.map((each) => each.destroy()));
  });

  test('H11: a server that stops finishes what is under way and takes nothing new', async () => {
    const admission = new WaitingAdmission();
    const { server, client } = await start({ admission });
    const answer = post(client, PATIENT, JSON.stringify(review()));
    await until(() => admission.asked.length === 1);
    const { port } = server;
    const stopped = server.stop(60_000);
    const late = clientOf({ port } as typeof server);
    await expect(post(late, '/validate', JSON.stringify(review()))).rejects.toThrow('ECONNREFUSED');
    await late.destroy();
    admission.release();
    const { headers, status } = await answer;
    expect(status).toBe(200);
    expect(headers['connection']).toBe('close');
    await stopped;
  });

  test('H11: a review that does not end is cut off, and never allowed', async () => {
    const admission = new AdmittingAdmission();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    admission.validate = () => {
      ask();
      return new Promise(() => undefined);
    };
    const { server, client } = await start({ admission });
    const answer = post(client, '/validate', JSON.stringify(review())).catch((error: Error) => error);
    await asked;
    // It would wait for the review for ever.
    await server.stop(200);
    expect(await answer).toBeInstanceOf(Error);
  });

  test('while draining, an answer ends its connection', async () => {
    const { server, client } = await start();
    expect((await post(client, '/validate', JSON.stringify(review()))).headers['connection']).toBe(
      'keep-alive',
    );
    server.drain();
    expect((await post(client, '/validate', JSON.stringify(review()))).headers['connection']).toBe('close');
  });
});
