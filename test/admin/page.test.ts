import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gzipSync } from 'node:zlib';
import * as z from 'zod';
import { route, type Route } from '../../src/admin/route.ts';
import { createSelfSigned } from '../../src/tls/self-signed.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { eventually, untilHolds } from '../kube/eventually.ts';
import { basic, openDoor, type Door } from './door.ts';

const work = createWorkDirectory('admin-page');
const SCRIPT = 'console.log("the page");\n'.repeat(40);
let door: Door;

/** What is streamed, and how often it was cleaned up after. */
let streamed = { given: 0, ended: 0 };
async function* endless(signal: AbortSignal, piece: string): AsyncGenerator<string> {
  try {
    while (!signal.aborted) {
      streamed.given += 1;
      yield piece;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    streamed.ended += 1;
  }
}
function streams(): readonly Route[] {
  const shared = { method: 'get', tag: 'status', summary: 'x', access: 'signed-in', problems: [] } as const;
  const answers = { 200: { description: 'x', types: ['text/csv', 'text/event-stream'] } };
  return [
    route({
      ...shared,
      path: '/flood',
      operationId: 'flood',
      answers,
      handle: ({ signal }) =>
        Promise.resolve({
          status: 200,
          type: 'text/event-stream',
          stream: endless(signal, 'x'.repeat(65_536)),
        }),
    }),
    route({
      ...shared,
      path: '/three',
      operationId: 'three',
      query: z.strictObject({ breaks: z.enum(['true', 'false']).default('false') }),
      answers,
      handle: ({ query }) =>
        Promise.resolve({
          status: 200,
          type: 'text/csv',
          stream: (async function* () {
            yield await Promise.resolve('a\n');
            yield 'b\n';
            if (query.breaks === 'true') throw new Error('the database went away: hunter2');
            yield 'c\n';
          })(),
        }),
    }),
  ];
}

beforeAll(async () => {
  const assets = join(work.path, 'ui/assets');
  mkdirSync(join(assets, 'fonts'), { recursive: true });
  writeFileSync(join(work.path, 'ui/index.html'), '<!doctype html><title>The page</title>');
  writeFileSync(join(assets, 'app-abc.js'), SCRIPT);
  writeFileSync(join(assets, 'app-abc.js.br'), brotliCompressSync(SCRIPT));
  writeFileSync(join(assets, 'app-abc.js.gz'), gzipSync(SCRIPT));
  writeFileSync(join(assets, 'fonts/x.woff2'), 'font');
  writeFileSync(join(assets, 'secret.pem'), 'no');
  writeFileSync(join(work.path, 'ui/outside.js'), 'no');
  door = await openDoor(work.path, { routes: streams, server: { page: join(work.path, 'ui') } });
});
afterAll(async () => {
  await door.stop();
  work.remove();
});

describe('the page', () => {
  test('is one document for all of its paths, and the short ways lead to it', async () => {
    for (const path of ['/', '/admin']) {
      const answer = await door.ask(path);
      expect([answer.status, answer.headers.location]).toEqual([307, '/admin/security/signing']);
    }
    for (const path of ['', '/signers', '/signers/release-ci', '/policies/a.b/edit', '?x=1']) {
      const answer = await door.ask(`/admin/security/signing${path}`);
      expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
        200,
        'text/html; charset=utf-8',
        'no-cache',
      ]);
    }
    const head = await door.ask('/admin/security/signing', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await door.ask('/admin/security/signing', { method: 'POST' })).status).toBe(405);
  });

  test('G11: may be framed by nobody, loads nothing from elsewhere, and runs no inline script', async () => {
    const { headers } = await door.ask('/admin/security/signing');
    const policy = String(headers['content-security-policy']);
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
    ])
      expect(policy.split(/;\s*/)).toContain(part);
    expect(policy).toContain("base-uri 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
    });
    expect(headers['x-powered-by']).toBeUndefined();
  });

  test('comes as small as the browser takes it, and is kept for ever', async () => {
    const get = (encoding: string) =>
      door.ask('/admin/assets/app-abc.js', { headers: { 'accept-encoding': encoding } });
    const plain = await get('identity');
    expect(plain.text).toBe(SCRIPT);
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'Accept-Encoding',
    });
    const encodings = ['gzip, deflate, br', 'gzip', 'br;q=0, gzip', 'BR', ''].map(get);
    expect((await Promise.all(encodings)).map(({ headers }) => headers['content-encoding'])).toEqual([
      'br',
      'gzip',
      'gzip',
      'br',
      undefined,
    ]);
    expect(brotliDecompressSync(brotliCompressSync(SCRIPT)).toString()).toBe(SCRIPT);
    expect((await door.ask('/admin/assets/fonts/x.woff2')).headers['content-type']).toBe('font/woff2');
  });

  test('G2: nothing else is served, however its path is written', async () => {
    for (const path of [
      '//admin',
      '/ADMIN',
      '/admin/',
      '/admin/..;/security/signing',
      '/admin/security/signing/',
      '/admin/security/signing/../../etc',
      '/admin/security/signing/..%2f..%2fetc',
      '/admin%2fsecurity/signing',
      '/admin/assets/',
      '/admin/assets/../outside.js',
      '/admin/assets/%2e%2e/outside.js',
      '/admin/assets/..%2foutside.js',
      '/admin/assets/fonts',
      '/admin/assets/secret.pem',
      '/admin/assets/.hidden.js',
      '/admin/assets/app-abc.js.br',
      '/admin/assets/app-abc.js%00',
      '/api',
      '/api/v1',
      '/api/v1/docs/../openapi.json',
      '/api/v1/docs/package.json',
      '/api/v1/docs/swagger-initializer.js',
      '/metrics',
      '/.git/config',
    ])
      expect([path, (await door.ask(path)).status]).toEqual([path, 404]);
  });

  test('that is not built says so', async () => {
    const bare = await openDoor(work.path, { server: { page: join(work.path, 'nothing') } });
    try {
      const answer = await bare.ask('/admin/security/signing');
      expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('make build')]);
      expect((await bare.ask('/api/v1/session')).status).toBe(200);
    } finally {
      await bare.stop();
    }
  });

  test('G11: the page of the description loads its own files, and no inline script', async () => {
    const page = await door.ask('/api/v1/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).not.toMatch(/<script(?![^>]* src=)/);
    expect(page.headers['content-security-policy']).not.toContain('unsafe');
    const files = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(files).toHaveLength(3);
    for (const path of files) expect([path, (await door.ask(path)).status]).toEqual([path, 200]);
  });
});

describe('streams', () => {
  test('come whole, or visibly broken', async () => {
    expect((await door.ask('/api/v1/three', { headers: basic() })).text).toBe('a\nb\nc\n');
    await expect(door.ask('/api/v1/three?breaks=true', { headers: basic() })).rejects.toThrow(
      /aborted|hang up/,
    );
  });

  test('wait for who reads slowly, and end with who goes away', async () => {
    streamed = { given: 0, ended: 0 };
    const socket = connect({ host: '127.0.0.1', port: door.port, rejectUnauthorized: false });
    const { authorization } = basic();
    socket.write(`GET /api/v1/flood HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n\r\n`);
    socket.pause();
    await eventually('it has begun', () => streamed.given > 0);
    let before = -1;
    await eventually('it waits', async () => {
      const same = streamed.given === before;
      before = streamed.given;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return same;
    });
    // What the buffers of two sockets hold, and not what an endless stream would have been by now.
    expect(streamed.given * 65_536).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
    await eventually('it is cleaned up after', () => streamed.ended === 1);
  });

  test('G4: end when their session does', async () => {
    streamed = { given: 0, ended: 0 };
    const browser = await door.signIn();
    const reading = browser.ask('/api/v1/flood').catch((error: unknown) => error);
    await eventually('it has begun', () => streamed.given > 0);
    expect((await browser.ask('/api/v1/session', { method: 'DELETE' })).status).toBe(204);
    expect(String(await reading)).toMatch(/aborted|hang up/);
    await eventually('it is cleaned up after', () => streamed.ended === 1);
  });

  test('G14: are so many at most, for one caller', async () => {
    streamed = { given: 0, ended: 0 };
    const gone = new AbortController();
    const open = Array.from({ length: 12 }, () =>
      door.ask('/api/v1/flood', { headers: basic(), signal: gone.signal }).catch(() => undefined),
    );
    await eventually(
      'one more is refused',
      async () => (await door.ask('/api/v1/three', { headers: basic() })).status === 429,
    );
    gone.abort();
    await Promise.all(open);
    await eventually('all are cleaned up after', () => streamed.ended === 12);
    await untilHolds('there are places again', async () =>
      expect((await door.ask('/api/v1/three', { headers: basic() })).status).toBe(200),
    );
  });
});

test('another certificate is shown from the next connection on, and draining ends connections', async () => {
  const own = await openDoor(work.path);
  const shown = async (): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: own.port, rejectUnauthorized: false });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  try {
    const before = await shown();
    const { certPem: cert, keyPem: key } = createSelfSigned({
      names: ['localhost'],
      notBefore: Date.now() - 1000,
      notAfter: Date.now() + 60_000,
    });
    own.server.useKeyPair({ cert, key });
    expect(await shown()).not.toBe(before);
    own.server.drain();
    expect((await own.ask('/api/v1/session')).headers.connection).toBe('close');
  } finally {
    await own.stop();
  }
});
