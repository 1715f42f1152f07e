import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { queryObjects } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../src/log.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import { createAuthority, type CertificateAuthority } from '../support/certificates.ts';
import { Artifacts, manifestType, sha256 } from './artifacts.ts';
import { eventually } from '../kube/eventually.ts';
import type { Script } from './evil-registry.ts';
import { asking, atEnd, evilRegistry, imageSource, look, reference, setup, summary } from './sources.ts';

/** Longer than anything here takes: what ends before has another reason. */
const LONG = { requestMilliseconds: 60_000, lookupMilliseconds: 60_000 };
const manifest = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config: {}, layers: [] });
const digest = sha256(manifest);
const imageSourceModule = new URL('../../src/registry/image-source.ts', import.meta.url).href;
const image = (host: string) => reference(host, { digest });

/** Reads the manifest from a registry that does as it is told. */
async function read(script: Script, settings: Parameters<typeof imageSource>[1] = {}) {
  const { registry, artifacts, source } = await setup(settings);
  artifacts.manifest(manifest);
  registry.script(script);
  const started = performance.now();
  const outcome = await source.manifest(image(registry.host), digest, asking()).then(
    (bytes) => ({ bytes: Buffer.from(bytes).toString() }),
    (error: unknown) => error as { code: string; message: string; retryAfterSeconds?: number },
  );
  return { outcome, registry, milliseconds: performance.now() - started };
}

/** Does this so many times, and then what the contents say. */
function first(times: number, script: Script): Script {
  let done = 0;
  return (...given) => (done++ < times ? script(...given) : false);
}

describe('resolving a tag', () => {
  test('D1: by HEAD, once; the digest is then the only name, and other bytes under it are refused', async () => {
    const { registry, artifacts, source } = await setup();
    const good = artifacts.image('good');
    const evil = artifacts.manifest({ schemaVersion: 2, layers: [] });
    // The tag moves as soon as it was asked for, and the registry lies about what is under the digest.
    registry.script((_request, response, { method, url }) => {
      if (method === 'HEAD' && url.endsWith('/v1')) response.setHeader('docker-content-digest', good);
      else if (method === 'GET')
        registry.put(artifacts.path('manifests', good), manifestType, '{"schemaVersion":2,"layers":[]}');
      return false;
    });
    const { digest: resolved } = await source.resolve(reference(registry), asking());
    expect(resolved).toBe(good);
    await expect(source.manifest(reference(registry), resolved, asking())).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(registry.asked).toEqual([
      `HEAD ${artifacts.path('manifests', 'v1')}`,
      `GET ${artifacts.path('manifests', good)}`,
    ]);
    // The twin: the same bytes under their own digest.
    await expect(source.manifest(reference(registry), evil.digest, asking())).resolves.toBeDefined();
  });

  test('D2: a digest in a header is believed as a name only, never for bytes', async () => {
    const { outcome } = await read((_request, response) => {
      response
        .writeHead(200, { 'content-type': manifestType, 'docker-content-digest': digest })
        .end('{"schemaVersion":2,"layers":[] }');
      return true;
    });
    expect(outcome).toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect((await read(() => false)).outcome).toEqual({ bytes: manifest });
  });

  test.each(['', 'sha256:xyz', '../../other', `sha512:${'a'.repeat(128)}`, `SHA256:${'a'.repeat(64)}`])(
    'with the header %p the bytes are hashed instead',
    async (header) => {
      const { registry, artifacts, source } = await setup();
      artifacts.manifest(manifest, 'v1');
      registry.script((_request, response) => {
        if (header !== '') response.setHeader('docker-content-digest', header);
        return false;
      });
      expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
      expect(registry.asked.map((line) => line.split(' ')[0])).toEqual(['HEAD', 'GET']);
    },
  );

  test('a digest asks nobody; a tag is asked for each time, together only at the same time', async () => {
    const { registry, artifacts, source } = await setup();
    artifacts.manifest(manifest, 'v1');
    expect(await source.resolve(image(registry.host), asking())).toMatchObject({ digest });
    expect(registry.seen).toEqual([]);
    registry.script((_request, response) => void response.setHeader('docker-content-digest', digest));
    registry.delay = 20;
    await Promise.all([1, 2, 3].map(() => source.resolve(reference(registry), asking())));
    expect(registry.seen).toHaveLength(1);
    await source.resolve(reference(registry), asking());
    expect(registry.seen).toHaveLength(2);
  });

  test('a tag that is not there is IMAGE_NOT_FOUND', async () => {
    const { registry, source } = await setup();
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
    await expect(source.manifest(reference(registry), digest, asking())).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
  });

  test('D11: schema 1 is refused by its type and by its content', async () => {
    const { registry, artifacts, source } = await setup();
    const signed = JSON.stringify({ schemaVersion: 1, fsLayers: [], signatures: [{}] });
    for (const type of ['application/vnd.docker.distribution.manifest.v1+prettyjws', manifestType]) {
      const old = artifacts.manifest(signed, 'v1', type).digest;
      await expect(source.manifest(reference(registry), old, asking())).rejects.toMatchObject({
        code: 'UNSUPPORTED',
      });
    }
    artifacts.manifest(signed, 'v1', 'application/vnd.docker.distribution.manifest.v1+json');
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    artifacts.manifest(manifest, 'v1');
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
  });

  test('D2: a document that is a manifest and an index at once is neither', async () => {
    const { registry, artifacts, source } = await setup();
    const both = artifacts.manifest({ schemaVersion: 2, layers: [], manifests: [] }).digest;
    await expect(source.manifest(reference(registry), both, asking())).rejects.toMatchObject({
      code: 'MALFORMED',
    });
  });

  test('D17: names that could become another path never reach a request; the others arrive byte for byte', async () => {
    const { registry, artifacts, source } = await setup();
    for (const repository of ['a/../b', '..', 'a//b', '%2e%2e/b', 'a/', '/a', 'a?x', 'a#x', 'A', '']) {
      await expect(source.resolve(reference(registry, { repository }), asking())).rejects.toMatchObject({
        code: 'MALFORMED',
      });
    }
    for (const tag of ['..', '../v1', 'a b', '%2e', 'a?b', '']) {
      await expect(source.resolve(reference(registry, { tag }), asking())).rejects.toMatchObject({
        code: 'MALFORMED',
      });
    }
    expect(registry.connections).toBe(0);
    artifacts.manifest(manifest, 'v1..2');
    expect(await source.resolve(reference(registry, { tag: 'v1..2' }), asking())).toMatchObject({ digest });
    expect(registry.asked[0]).toBe('HEAD /v2/org/app/manifests/v1..2');
  });
});

describe('D15: what a registry does instead of answering', () => {
  const status =
    (code: number, headers: Record<string, string> = {}): Script =>
    (_request, response) => {
      response.writeHead(code, headers).end('a body of the registry');
      return true;
    };
  const reset: Script = (request) => {
    request.socket.destroy();
    return true;
  };
  const halfBody: Script = (request, response) => {
    response.writeHead(200, { 'content-type': manifestType, 'content-length': manifest.length });
    response.write(manifest.slice(0, 20), () => request.socket.destroy());
    return true;
  };
  test.each([
    ['429 with a long Retry-After', status(429, { 'retry-after': '3600' }), 'REGISTRY_RATE_LIMITED', 1],
    ['429 without one', status(429), 'REGISTRY_RATE_LIMITED', 1],
    ['500', status(500), 'REGISTRY_ERROR', 1],
    ['503', status(503), 'REGISTRY_ERROR', 2],
    ['503 with a long Retry-After', status(503, { 'retry-after': '60' }), 'REGISTRY_ERROR', 1],
    ['418', status(418), 'REGISTRY_ERROR', 1],
    ['204', status(204), 'REGISTRY_ERROR', 1],
    ['a reset', reset, 'REGISTRY_UNREACHABLE', 2],
    ['half a body', halfBody, 'REGISTRY_UNREACHABLE', 2],
  ])('%s', async (_name, script, code, requests) => {
    const { outcome, registry } = await read(script);
    expect(outcome).toMatchObject({ code, message: expect.stringContaining(registry.host) });
    expect('message' in outcome && outcome.message).not.toContain('a body');
    expect(registry.seen).toHaveLength(requests);
  });

  test('Retry-After is kept for whoever asks', async () => {
    expect((await read(status(429, { 'retry-after': '3600' }))).outcome).toMatchObject({
      retryAfterSeconds: 3600,
    });
  });

  test.each([
    ['503', status(503)],
    ['a reset', reset],
    ['half a body', halfBody],
    ['429 for a second', status(429, { 'retry-after': '1' })],
  ])('once %s, and then the answer', async (_name, script) => {
    const { outcome, registry } = await read(first(1, script));
    expect(outcome).toEqual({ bytes: manifest });
    expect(registry.seen).toHaveLength(2);
  });

  test('nothing that is HTTP', async () => {
    const { outcome } = await read(
      (request) => request.socket.end('SSH-2.0-OpenSSH\r\n'.repeat(3)) !== undefined,
    );
    expect(outcome).toMatchObject({ code: 'REGISTRY_ERROR' });
  });

  test('nobody there, and no such name', async () => {
    const registry = await evilRegistry();
    const { host } = registry;
    const source = imageSource([registry], {
      lookup: (_name, _options, callback) =>
        callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), ''),
    });
    await registry.stop();
    await expect(source.manifest(image(host), digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
    });
    await expect(source.manifest(image('nowhere.example'), digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_DNS',
    });
  });
});

describe('redirects', () => {
  test('five are followed, endless ones are not', async () => {
    const forth: Script = (_request, response, { url }) => {
      response.writeHead(302, { location: `${url.split('?')[0]}?x` }).end();
      return true;
    };
    expect((await read(first(5, forth))).outcome).toEqual({ bytes: manifest });
    const { outcome, registry } = await read(forth);
    expect(outcome).toMatchObject({ code: 'REGISTRY_ERROR' });
    expect(registry.seen).toHaveLength(6);
  });

  test.each([
    ['nowhere', undefined, 'REGISTRY_ERROR'],
    ['to a file', 'file:///etc/passwd', 'REGISTRY_ERROR'],
    ['with a password', 'https://a:b@registry.example/', 'REGISTRY_ERROR'],
    ['D9: to plain http elsewhere', 'http://registry.example/', 'REGISTRY_TLS'],
  ])('%s', async (_name, location, code) => {
    const { outcome } = await read((_request, response) => {
      response.writeHead(307, location === undefined ? {} : { location }).end();
      return true;
    });
    expect(outcome).toMatchObject({ code });
  });
});

describe('F2, F4, F5: bodies and time', () => {
  const types = { 'content-type': manifestType };

  test('F2: endless, and said to be 2 GiB', async () => {
    const endless: Script = (_request, response) => {
      response.writeHead(200, types);
      const more = () => {
        while (response.write(Buffer.alloc(65536, 32)));
      };
      response.on('drain', more);
      more();
      return true;
    };
    expect((await read(endless)).outcome).toMatchObject({ code: 'LIMIT' });
    // The rest of it never comes: to wait for it would be TIMEOUT.
    const { outcome } = await read((_request, response) => {
      response.writeHead(200, { ...types, 'content-length': 2 ** 31 }).write('{');
      return true;
    });
    expect(outcome).toMatchObject({ code: 'LIMIT' });
  });

  test('F4: compressed answers are refused, whatever is in them', async () => {
    for (const body of [gzipSync(manifest), gzipSync(Buffer.alloc(50_000_000))]) {
      const { outcome, registry } = await read((_request, response) => {
        response.writeHead(200, { ...types, 'content-encoding': 'gzip' }).end(body);
        return true;
      });
      expect(outcome).toMatchObject({ code: 'REGISTRY_ERROR' });
      expect(registry.seen[0]?.headers['accept-encoding']).toBe('identity');
    }
    const plain = await read((_request, response) => void response.setHeader('content-encoding', 'identity'));
    expect(plain.outcome).toEqual({ bytes: manifest });
  });

  const drip: Script = (_request, response) => {
    response.writeHead(200, types);
    const timer = setInterval(() => response.write('{'), 50);
    response.on('close', () => clearInterval(timer));
    return true;
  };
  test.each([
    ['silence', () => true],
    ['a byte now and then', drip],
  ] as [string, Script][])('F5: %s', async (_name, script) => {
    const { outcome, milliseconds, registry } = await read(script, { requestMilliseconds: 1_000 });
    expect(outcome).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining(registry.host) });
    // Whoever asks would wait for thirty seconds.
    expect(milliseconds).toBeLessThan(15_000);
    expect(registry.seen).toHaveLength(1);
  });

  test('F5: a server that accepts and never speaks TLS', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(async () => void server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const source = imageSource([], { registries: [{ host }], requestMilliseconds: 300 });
    await expect(source.manifest(image(host), digest, asking())).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test("F5: the caller's signal ends its waiting, at once and from the start", async () => {
    const { registry, source } = await setup(LONG);
    registry.script(() => true);
    const started = performance.now();
    await expect(source.manifest(image(registry.host), digest, asking(100))).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    await expect(
      source.resolve(reference(registry), { ...asking(), signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});

describe('D9: TLS', () => {
  interface Served {
    readonly cert: string;
    readonly key: string;
  }
  let authority: CertificateAuthority;
  let strange: CertificateAuthority;
  let [good, expired, misnamed]: Served[] = [];
  beforeAll(() => {
    [authority, strange] = [createAuthority('tests'), createAuthority('other')];
    const day = 86_400_000;
    [good, expired, misnamed] = [
      { names: ['127.0.0.1'] },
      { names: ['127.0.0.1'], notBefore: Date.now() - 2 * day, notAfter: Date.now() - day },
      { names: ['registry.example'] },
    ].map((options) => {
      const { certPem, keyPem } = authority.issue({ commonName: 'r', ...options });
      return { cert: certPem, key: keyPem };
    });
  });
  async function attempt(tls: Served | undefined, caPem?: string) {
    const registry = await evilRegistry(tls);
    new Artifacts(registry).manifest(manifest);
    const source = imageSource([], {
      registries: [{ host: registry.host, ...(caPem !== undefined && { caPem }) }],
    });
    return source.manifest(image(registry.host), digest, asking()).then(
      () => 'read',
      (error: unknown) => (error as { code: string }).code,
    );
  }

  test('a certificate of a CA that the settings name; not of one that they do not', async () => {
    expect(await attempt(good, authority.certPem)).toBe('read');
    expect(await attempt(good)).toBe('REGISTRY_TLS');
    expect(await attempt(good, strange.certPem)).toBe('REGISTRY_TLS');
  });

  test('expired, and of another name', async () => {
    expect(await attempt(expired, authority.certPem)).toBe('REGISTRY_TLS');
    expect(await attempt(misnamed, authority.certPem)).toBe('REGISTRY_TLS');
    expect(await attempt(good, authority.certPem)).toBe('read');
  });

  test('TLS 1.1, which only the server still wants', async () => {
    const tls = {
      ...(good as Served),
      minVersion: 'TLSv1' as const,
      maxVersion: 'TLSv1.1' as const,
      ciphers: 'DEFAULT@SECLEVEL=0',
    };
    expect(await attempt(tls, authority.certPem)).toBe('REGISTRY_TLS');
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED changes nothing', async () => {
    const registry = await evilRegistry(good);
    new Artifacts(registry).manifest(manifest);
    // In a process of its own: a test's environment is a copy that node:tls does not see.
    const script = `
      const { RegistryImageSource } = await import(${JSON.stringify(imageSourceModule)});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const source = new RegistryImageSource({ registries: [{ host: '${registry.host}' }], log });
      const image = { original: '', registry: '${registry.host}', repository: 'org/app', tag: undefined, digest: '${digest}' };
      await source.manifest(image, image.digest, { signal: AbortSignal.timeout(60_000), puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: '' } }).then(
        () => console.log('read'),
        (error) => console.log(error.code),
      );
      await source.stop();`;
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_OPTIONS: '' };
    const flags = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { env });
    expect(stdout.trim()).toBe('REGISTRY_TLS');
    expect(registry.seen).toEqual([]);
  });

  test('D7: what is allowed to one port of an address is not allowed to another', async () => {
    const [registry, other] = [await evilRegistry(good), await evilRegistry(good)];
    new Artifacts(registry).manifest(manifest);
    const source = imageSource([], { registries: [{ host: registry.host, caPem: authority.certPem }] });
    registry.script((_request, response) => {
      response.writeHead(307, { location: `https://${other.host}/` }).end();
      return true;
    });
    await expect(source.manifest(image(registry.host), digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
    });
    expect(other.connections).toBe(0);
    registry.script(() => false);
    await expect(source.manifest(image(registry.host), digest, asking())).resolves.toBeDefined();
  });

  test("plain http only where it is listed: one registry's setting is not another's", async () => {
    const [listed, other] = [await evilRegistry(), await evilRegistry()];
    for (const registry of [listed, other]) new Artifacts(registry).manifest(manifest);
    const source = imageSource([], {
      registries: [{ host: listed.host, plainHttp: true }, { host: other.host }],
    });
    await expect(source.manifest(image(other.host), digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
    });
    expect(other.seen).toEqual([]);
    await expect(source.manifest(image(listed.host), digest, asking())).resolves.toBeDefined();
  });

  test('a CA is trusted for its registry only', async () => {
    const [own, other] = [await evilRegistry(good), await evilRegistry(good)];
    for (const registry of [own, other]) new Artifacts(registry).manifest(manifest);
    const source = imageSource([], {
      registries: [{ host: own.host, caPem: authority.certPem }, { host: other.host }],
    });
    await expect(source.manifest(image(own.host), digest, asking())).resolves.toBeDefined();
    await expect(source.manifest(image(other.host), digest, asking())).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
    });
  });
});

describe('how much at once', () => {
  test('requests to one host wait for their turn, and none is refused while there is time', async () => {
    const registry = await evilRegistry();
    let [running, most] = [0, 0];
    registry.script(async (_request, response) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      response.writeHead(404).end();
      return true;
    });
    const source = imageSource([registry], { concurrency: { total: 8, perHost: 2 } });
    const outcomes = await Promise.all(
      Array.from({ length: 400 }, (_, index) =>
        source
          .resolve(reference(registry, { tag: `v${index}` }), asking(300_000))
          .catch((error: unknown) => (error as { code: string }).code),
      ),
    );
    expect(most).toBe(2);
    expect(new Set(outcomes)).toEqual(new Set(['IMAGE_NOT_FOUND']));
  });

  test('F5: a host that hangs holds no place that another needs', async () => {
    const [hanging, good] = [await evilRegistry(), await evilRegistry()];
    new Artifacts(good).manifest(manifest, 'v1');
    hanging.script(() => true);
    const source = imageSource([hanging, good], { ...LONG, concurrency: { total: 4, perHost: 2 } });
    const crowd = new AbortController();
    const stuck = Array.from({ length: 20 }, (_, index) =>
      source.resolve(reference(hanging, { tag: `v${index}` }), { ...asking(), signal: crowd.signal }),
    );
    const all = Promise.allSettled(stuck);
    await expect(source.manifest(image(good.host), digest, asking())).resolves.toBeDefined();
    crowd.abort();
    expect((await all).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('every request is told to the observer', async () => {
    const told: string[] = [];
    const { registry, artifacts, source } = await setup({
      observer: { requested: (host, kind, outcome) => void told.push(`${host} ${kind} ${outcome}`) },
    });
    const unsigned = artifacts.image();
    expect(summary(await look(source, registry, unsigned))).toEqual({
      evidence: [],
      refused: [],
      faults: [],
    });
    expect(told.sort()).toEqual(
      ['manifest 200', 'manifest 404', 'manifest 404', 'referrers 404'].map(
        (each) => `${registry.host} ${each}`,
      ),
    );
  });

  test('a stopped source ends what is under way', async () => {
    const { registry } = await setup();
    registry.script(() => true);
    const source = new RegistryImageSource({
      registries: [{ host: registry.host, plainHttp: true }],
      log: silentLogger,
      ...LONG,
    });
    const waiting = Promise.allSettled([source.manifest(image(registry.host), digest, asking(60_000))]);
    await eventually('it was asked', () => registry.seen.length === 1);
    const started = performance.now();
    await source.stop();
    expect(await waiting).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'TIMEOUT' }) },
    ]);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});

test('F12: no request leaves a signal behind', async () => {
  const { registry, source } = await setup();
  const ask = async (times: number) => {
    for (let each = 0; each < times; each += 1)
      await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
        code: 'IMAGE_NOT_FOUND',
      });
    return queryObjects(AbortSignal, { format: 'count' });
  };
  const before = await ask(20);
  // One for each caller, which ends with its timer; those of shared look-ups are gone with them.
  expect((await ask(100)) - before).toBeLessThan(150);
});
