import { beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageReference } from '../../src/image/reference.ts';
import { Proxies } from '../../src/registry/proxies.ts';
import type { ImageSourceSettings, RegistrySettings } from '../../src/registry/settings.ts';
import { createAuthority, type CertificateAuthority } from '../support/certificates.ts';
import { Artifacts } from './artifacts.ts';
import { asking, atEnd, evilRegistry, imageSource, reference } from './sources.ts';
import { TestProxy } from './test-proxy.ts';

const host = 'registry.example';

// Keys take seconds to make, so they are made once.
let authority: CertificateAuthority;
let other: CertificateAuthority;
let tls: { readonly key: string; readonly cert: string };
beforeAll(() => {
  [authority, other] = [createAuthority('tests'), createAuthority('other')];
  const { certPem, keyPem } = authority.issue({ commonName: 'r', names: [host] });
  tls = { key: keyPem, cert: certPem };
});

async function proxy(): Promise<TestProxy> {
  const started = await TestProxy.start();
  atEnd(() => started.stop());
  return started;
}

/** A TLS registry that only the proxy can find. */
async function behind(settings: Partial<ImageSourceSettings> = {}, own: Partial<RegistrySettings> = {}) {
  const [registry, way] = [await evilRegistry(tls), await proxy()];
  way.hosts.set(`${host}:443`, registry.port);
  const source = imageSource([], {
    registries: [{ host, caPem: authority.certPem, ...own }],
    proxy: { https: way.url },
    ...settings,
  });
  const digest = new Artifacts(registry).image();
  const read = async (name = host) => {
    const image: ImageReference = reference(name, { digest });
    return source.manifest(image, digest, asking()).then(
      () => 'read',
      (error: unknown) => error as { code: string; message: string },
    );
  };
  return { registry, way, source, digest, read };
}

describe('a proxy', () => {
  test('https goes through a tunnel, and the certificate is that of the registry', async () => {
    const { way, registry, read } = await behind();
    expect(await read()).toBe('read');
    expect(way.asked).toEqual([`CONNECT ${host}:443`]);
    expect(registry.seen).toHaveLength(1);
    const untrusted = await behind({}, { caPem: other.certPem });
    expect(await untrusted.read()).toMatchObject({ code: 'REGISTRY_TLS' });
    expect(untrusted.registry.seen).toEqual([]);
  });

  test('plain http goes as a whole URL', async () => {
    const [registry, way] = [await evilRegistry(), await proxy()];
    way.hosts.set(`${host}:5000`, registry.port);
    const name = `${host}:5000`;
    const source = imageSource([], {
      registries: [{ host: name, plainHttp: true }],
      proxy: { http: way.url },
    });
    const digest = new Artifacts(registry).image();
    await expect(source.manifest(reference(name), digest, asking())).resolves.toBeDefined();
    expect(way.asked).toEqual([`GET http://${name}/v2/org/app/manifests/${digest}`]);
  });

  test("D5: its credentials go to it alone, and the registry's only to the registry", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-proxy-'));
    atEnd(async () => rmSync(folder, { recursive: true }));
    const dockerConfigFile = join(folder, 'config.json');
    writeFileSync(
      dockerConfigFile,
      JSON.stringify({ auths: { [host]: { username: 'u', password: 'registry' } } }),
    );
    const way = await proxy();
    const { registry, read } = await behind({
      dockerConfigFile,
      proxy: { https: way.url.replace('//', '//user:proxy@') },
    });
    way.hosts.set(`${host}:443`, registry.port);
    registry.script((request, response) => {
      if (request.headers.authorization !== undefined) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    expect(await read()).toBe('read');
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(way.headers.length).toBeGreaterThan(0);
    for (const each of way.headers) {
      expect([each['proxy-authorization'], each.authorization]).toEqual([basic('user:proxy'), undefined]);
    }
    expect(registry.seen.at(-1)?.headers.authorization).toBe(basic('u:registry'));
    expect(registry.seen.map(({ headers }) => headers['proxy-authorization'])).toEqual([
      undefined,
      undefined,
    ]);
  });

  test.each([403, 407, 502])('that answers %s is told as such, without its password', async (status) => {
    const { way, registry, read } = await behind();
    way.refuses = status;
    const outcome = await read();
    expect(outcome).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('proxy'),
    });
    expect(way.asked).toHaveLength(2);
    way.refuses = undefined;
    expect(await read()).toBe('read');
    expect(registry.seen).toHaveLength(1);
  });

  test('that is not there is told as such', async () => {
    const { way, read } = await behind();
    await way.stop();
    expect(await read()).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringMatching(/through the proxy \(ECONNREFUSED\)/),
    });
  });

  test('NO_PROXY: what is reached without it is guarded as ever', async () => {
    const way = await proxy();
    const lookup: ImageSourceSettings['lookup'] = (_name, _options, callback) =>
      callback(null, [{ address: '169.254.169.254', family: 4 }]);
    const { read } = await behind({ proxy: { https: way.url, no: '.example' }, lookup });
    expect(await read()).toMatchObject({
      code: 'REGISTRY_FORBIDDEN',
      message: expect.stringContaining('address'),
    });
    expect(way.asked).toEqual([]);
  });
});

describe('D7: a proxy resolves names itself, so only listed hosts are asked through it', () => {
  test('D7: a stranger, an address, and what a registry redirects to', async () => {
    const { way, registry, read } = await behind();
    for (const stranger of ['metadata.google.internal', '169.254.169.254', '10.0.0.1', '[fd00:ec2::254]']) {
      way.hosts.set(`${stranger}:443`, registry.port);
      expect(await read(stranger)).toMatchObject({
        code: 'REGISTRY_FORBIDDEN',
        message: expect.stringContaining('proxy.allowedHosts'),
      });
    }
    registry.script((_request, response) => {
      response.writeHead(307, { location: 'https://169.254.169.254/latest/meta-data' }).end();
      return true;
    });
    const outcome = await read();
    expect(outcome).toMatchObject({ code: 'REGISTRY_FORBIDDEN' });
    expect(outcome).not.toMatchObject({ message: expect.stringContaining('169.254') });
    expect(way.asked).toEqual([`CONNECT ${host}:443`]);
    registry.script(() => false);
    expect(await read()).toBe('read');
  });

  const allowed = async (allowedHosts: readonly string[], location?: string) => {
    const way = await proxy();
    const { registry, read } = await behind({ proxy: { https: way.url, allowedHosts } });
    way.hosts.set(`${host}:443`, registry.port);
    way.hosts.set('cdn.storage.example:443', registry.port);
    registry.script((request, response) => {
      if (location === undefined || request.headers.host !== host) return false;
      response.writeHead(307, { location }).end();
      return true;
    });
    const outcome = await read();
    return { outcome, asked: way.asked };
  };

  test('D7: a redirect to a host of the list is followed; its certificate counts', async () => {
    const to = 'https://cdn.storage.example/x';
    expect((await allowed([], to)).outcome).toMatchObject({ code: 'REGISTRY_FORBIDDEN' });
    // The registry's certificate is not the storage's.
    const { outcome, asked } = await allowed(['*.storage.example'], to);
    expect(outcome).toMatchObject({ code: 'REGISTRY_TLS' });
    expect(asked).toEqual([`CONNECT ${host}:443`, 'CONNECT cdn.storage.example:443']);
  });

  test.each([
    [['ghcr.io'], 'https://ghcr.io', true],
    [['ghcr.io'], 'https://ghcr.io.evil', false],
    [['ghcr.io'], 'https://xghcr.io', false],
    [['ghcr.io'], 'https://ghcrxio', false],
    [['*.docker.com'], 'https://auth.docker.com', true],
    [['*.docker.com'], 'https://a.b.docker.com', false],
    [['*.docker.com'], 'https://docker.com', false],
    [['GHCR.io'], 'https://ghcr.io', true],
    [['ghcr.io'], 'https://ghcr.io:8443', false],
    [['ghcr.io:8443'], 'https://ghcr.io:8443', true],
    [['10.0.0.1', '*.*.*.*'], 'https://10.0.0.1', false],
  ])('D7: %j: %s may be asked: %s', (allowedHosts, origin, isAllowed) => {
    const proxies = new Proxies({ https: 'proxy:3128', allowedHosts });
    const endpoint = { host: new URL(origin).host, origin, isConfigured: false, tokenRealm: undefined };
    const ask = () => proxies.for(endpoint as never, origin)?.href;
    if (isAllowed) expect(ask()).toBe('http://proxy:3128/');
    else expect(ask).toThrow(expect.objectContaining({ code: 'REGISTRY_FORBIDDEN' }));
  });

  test("a registry's token server comes with it, and with no other", () => {
    const proxies = new Proxies({ https: 'proxy:3128', allowedHosts: ['registry-1.docker.io'] });
    const hub = {
      host: 'docker.io',
      origin: 'https://registry-1.docker.io',
      tokenRealm: 'https://auth.docker.io',
    };
    const of = (change: object) => () =>
      proxies.for({ ...hub, isConfigured: false, ...change } as never, 'https://auth.docker.io');
    expect(of({})()).toBeDefined();
    expect(of({ tokenRealm: undefined })).toThrow(expect.objectContaining({ code: 'REGISTRY_FORBIDDEN' }));
    expect(of({ origin: 'https://evil.example' })).toThrow(
      expect.objectContaining({ code: 'REGISTRY_FORBIDDEN' }),
    );
  });

  test('settings that cannot be used stop the start, without repeating a password', () => {
    expect(() => new Proxies({ https: 'socks5://u:hunter2@p' })).toThrow(
      /^proxy\.https is not the URL of a proxy$/,
    );
    for (const glob of ['**', 'https://a', 'a/b', '']) {
      expect(() => new Proxies({ allowedHosts: [glob] })).toThrow('proxy.allowedHosts');
    }
  });
});
