import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../src/log.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { DockerConfigFile } from '../../src/registry/docker-config.ts';
import {
  credentialsFor,
  parseDockerCfg,
  parseDockerConfig,
  parseDockerConfigJson,
  problemsFor,
} from '../../src/registry/docker-entries.ts';
import { createAuthority, type CertificateAuthority, type KeyPairPem } from '../support/certificates.ts';
import { Artifacts, manifestType } from './artifacts.ts';
import type { EvilRegistry, Script } from './evil-registry.ts';
import { asking, configFile, evilRegistry, imageSource, look, reference, summary } from './sources.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

const login = { kind: 'basic', username: 'robot', password: 'pass:word' } as const;
const auth = Buffer.from('robot:pass:word').toString('base64');
const basic = `Basic ${auth}`;

describe('Docker config file', () => {
  const find = (auths: object, host: string, repository = 'org/app') =>
    credentialsFor(parseDockerConfig(JSON.stringify({ auths })).entries, host, repository);
  const names = (auths: Record<string, string>, host: string, repository?: string) => {
    const entries = Object.entries(auths).map(([key, username]) => [key, { username, password: 'p' }]);
    const found = find(Object.fromEntries(entries), host, repository);
    return found.map((each) => (each.kind === 'basic' ? each.username : each.kind));
  };

  test.each([
    ['ghcr.io', 'ghcr.io'],
    ['https://ghcr.io', 'ghcr.io'],
    ['https://ghcr.io/v1/', 'ghcr.io'],
    ['http://ghcr.io/v2/', 'ghcr.io'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['registry.example:5000', 'registry.example:5000'],
    ['https://registry-1.docker.io/v2/', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['*.example.com', 'r.example.com'],
    ['*.example.com:5000', 'r.example.com:5000'],
    ['*-docker.*.example', 'eu-docker.pkg.example'],
    ['*.docker.io', 'docker.io'],
  ])('the key %s is for %s', (key, host) => {
    expect(find({ [key]: { auth } }, host)).toEqual([login]);
  });

  test.each([
    ['ghcr.io', ['cr.io', 'evilghcr.io', 'ghcr.io.evil.example', 'x.ghcr.io', 'ghcr.io:444', 'docker.io']],
    [
      '*.example.com',
      ['example.com', 'a.b.example.com', 'r.example.com.evil', 'r.example.com:5000', 'r.example.org'],
    ],
    ['*.example.com:5000', ['r.example.com', 'r.example.com:5001']],
    ['*', ['ghcr.io', 'docker.io']],
    ['a*b*b.io', ['ab.io', 'axbx.io', 'xabb.io']],
    ['r*y.io', ['rx.io', 'ry.io.evil', 'r.y.io', 'xry.io', 'r.io']],
  ])('D5: hosts match whole: %s is for nothing else', (key, hosts) => {
    for (const host of hosts) expect(find({ [key]: { auth } }, host, key)).toEqual([]);
    // The twin, for hosts that it is made for.
    expect(find({ [key]: { auth } }, key.replaceAll('*', 'a'))).toEqual([login]);
  });

  test('the longest path goes first, by whole parts; the others follow', () => {
    const auths = { 'r.io': 'host', 'r.io/org': 'org', 'https://r.io/v1/org/app': 'app' };
    expect(names(auths, 'r.io', 'org/app')).toEqual(['app', 'org', 'host']);
    expect(names(auths, 'r.io', 'org/apple')).toEqual(['org', 'host']);
    expect(names(auths, 'r.io', 'organisation/app')).toEqual(['host']);
  });

  test('a host that is written out goes before one with *', () => {
    expect(names({ '*.r.io/org': 'any', 'a.r.io': 'this' }, 'a.r.io')).toEqual(['this', 'any']);
  });

  test('each kind of entry', () => {
    const one = (value: object) => find({ r: value }, 'r');
    expect(one({ identitytoken: 'i' })).toEqual([{ kind: 'identity', token: 'i' }]);
    expect(one({ registrytoken: 'r' })).toEqual([{ kind: 'registry', token: 'r' }]);
    expect(one({ username: '<token>', password: 'i' })).toEqual([{ kind: 'identity', token: 'i' }]);
    expect(one({ auth: Buffer.from('no colon').toString('base64') })).toEqual([]);
    expect(one({ auth: 7 })).toEqual([]);
    expect(one({})).toEqual([]);
  });

  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const bothForms = (value: object) => {
    const newer = JSON.stringify({ auths: { r: value } });
    return [
      parseDockerConfig(newer),
      parseDockerConfigJson(newer),
      parseDockerCfg(JSON.stringify({ r: value })),
    ];
  };

  test.each([
    ['auth replaces username and password', { auth: base64('AWS:new'), username: 'AWS', password: 'old' }],
    ['an empty auth does not', { auth: '', username: 'AWS', password: 'new' }],
    ['nor does null', { auth: null, username: 'AWS', password: 'new' }],
    ['without padding', { auth: base64('AWS:new').replace(/=+$/, '') }],
    ['with line breaks', { auth: `${base64('AWS:new').slice(0, 4)}\r\n${base64('AWS:new').slice(4)}` }],
  ])('as docker and the kubelet read an entry: %s', (_name, value) => {
    for (const { entries } of bothForms(value)) {
      expect(credentialsFor(entries, 'r', 'x')).toEqual([
        { kind: 'basic', username: 'AWS', password: 'new' },
      ]);
      expect(problemsFor(entries, 'r', 'x')).toEqual([]);
    }
  });

  test.each([
    ['no base64', { auth: `${base64('AWS:new')}*` }],
    ['half of its padding', { auth: base64('AWS:').replace(/==$/, '=') }],
    ['one character too many', { auth: `${base64('AWS:ne')}A` }],
    ['the alphabet of URLs', { auth: Buffer.from('AWS:\u007f?~').toString('base64url') }],
    ['no colon', { auth: base64('AWS') }],
    ['no name', { auth: base64(':new') }],
    ['a number', { auth: 7 }],
    ['no UTF-8', { auth: Buffer.from([0x41, 0x3a, 0xff]).toString('base64') }],
  ])('an auth that cannot be read is replaced by nothing else of the entry: %s', (_name, value) => {
    const others = { username: 'AWS', password: 'new', identitytoken: 'i', registrytoken: 'r' };
    for (const { entries } of bothForms({ ...others, ...value })) {
      expect(credentialsFor(entries, 'r', 'x')).toEqual([]);
      expect(problemsFor(entries, 'r', 'x')).toEqual([
        'the entry for "r" holds no credentials that can be used (its "auth" is not the base64 of username:password)',
      ]);
      expect(problemsFor(entries, 'other', 'x')).toEqual([]);
    }
    // The twin: the same without it.
    for (const { entries } of bothForms(others)) expect(credentialsFor(entries, 'r', 'x')).toHaveLength(1);
  });

  test("docker's order: registrytoken, identitytoken, auth", () => {
    const all = { auth: base64('u:p'), identitytoken: 'i', registrytoken: 'r' };
    const { registrytoken: _, ...two } = all;
    // What `docker login` writes for a registry that gave an identity token.
    const stored = { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'i' };
    for (const [value, credential] of [
      [all, { kind: 'registry', token: 'r' }],
      [two, { kind: 'identity', token: 'i' }],
      [stored, { kind: 'identity', token: 'i' }],
    ] as const)
      expect(find({ r: value }, 'r')).toEqual([credential]);
  });

  test.each([
    ['{"auths": 7}', 'its "auths" is not an object'],
    ['{"auths": []}', 'its "auths" is not an object'],
    ['{"credHelpers": ["r"]}', 'its "credHelpers" is not an object'],
    ['{"credHelpers": {"r": 1}}', 'its "credHelpers" has a value that is not a text'],
    ['{"credsStore": {}}', 'its "credsStore" is not a text'],
    ['[]', 'it is not a JSON object'],
    ['{"auths": ', 'it is not JSON'],
  ])('%s is no Docker configuration', (text, message) => {
    expect(() => parseDockerConfig(text)).toThrow(new Error(message));
    expect(() => parseDockerConfig('{"auths": null, "credHelpers": {}, "credsStore": ""}')).not.toThrow();
  });

  test('the older form has no "auths"', () => {
    const { entries } = parseDockerCfg(JSON.stringify({ 'https://r.io/v1/': { auth } }));
    expect(credentialsFor(entries, 'r.io', 'org/app')).toEqual([login]);
  });

  test('D5: a helper is used for a cloud that Countersign knows, and for no host that is not of that cloud', () => {
    const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
    const parse = (config: object) => parseDockerConfig(JSON.stringify(config));
    expect(parse({ credHelpers: { [ecr]: 'ecr-login' }, credsStore: 'gcloud' })).toEqual({
      entries: [],
      helpers: new Map([
        [ecr, 'ecr'],
        ['*', 'gcr'],
      ]),
      notes: [],
    });
    const evil = parse({
      credHelpers: { [`${ecr}.evil.example`]: 'ecr-login', 'r.io': 'pass' },
      credsStore: 'desktop',
    });
    expect(evil.helpers.size).toBe(0);
    expect(evil.notes).toHaveLength(3);
  });

  test('secrets are not repeated', () => {
    expect(() => parseDockerConfig('{"auths":{"ghcr.io":{"auth":"c2VjcmV0')).toThrow(/^it is not JSON$/);
  });

  test('is read again when it changes, and a half-written one leaves what was read', async () => {
    const path = configFile({ 'r.io': { username: 'old', password: 'p' } });
    let now = 0;
    const errors: string[] = [];
    const config = new DockerConfigFile(
      path,
      { ...silentLogger, error: (_fields, message) => errors.push(message) },
      () => now,
    );
    const who = async () => {
      const [found] = credentialsFor((await config.read()).entries, 'r.io', 'x');
      return found?.kind === 'basic' ? found.username : undefined;
    };
    expect(await who()).toBe('old');
    writeFileSync(path, JSON.stringify({ auths: { 'r.io': { username: 'newer', password: 'p' } } }));
    expect(await who()).toBe('old');
    now += 1000;
    expect(await who()).toBe('newer');
    writeFileSync(path, '{"auths":');
    now += 1000;
    expect(await who()).toBe('newer');
    expect(errors).toHaveLength(1);
    // Logged once, and said where a registry refuses, until it can be read again.
    now += 1000;
    const unread = "Countersign's own Docker configuration cannot be read";
    expect((await config.read()).missing('r.io', 'x')).toEqual([unread]);
    expect(errors).toHaveLength(1);
    writeFileSync(path, JSON.stringify({ auths: { 'r.io': { auth: 'newest' } } }));
    now += 1000;
    expect(await who()).toBeUndefined();
    expect((await config.read()).missing('r.io', 'x')).toEqual([
      expect.stringMatching(/^in Countersign's own Docker configuration the entry for "r\.io" holds no/),
    ]);
    expect((await config.read()).missing('other.io', 'x')).toEqual([]);
  });

  test('at the start a file that is no Docker configuration is an error, and one that is not there only logged', async () => {
    const errors: string[] = [];
    const log = { ...silentLogger, error: (_fields: object, message: string) => void errors.push(message) };
    const path = configFile({});
    const start = (mustExist: boolean) => new DockerConfigFile(path, log).start({ mustExist });
    for (const mustExist of [true, false]) {
      writeFileSync(path, '{}');
      await expect(start(mustExist)).resolves.toBeUndefined();
      writeFileSync(path, '{"auths": {"r.io": {"auth": "c2VjcmV0');
      await expect(start(mustExist)).rejects.toThrow(
        new Error(`the Docker configuration ${path} cannot be used: it is not JSON`),
      );
      writeFileSync(path, ' '.repeat(1024 * 1024 + 1));
      await expect(start(mustExist)).rejects.toThrow(/it is larger than 1048576 bytes$/);
    }
    rmSync(path);
    errors.length = 0;
    await expect(start(false)).resolves.toBeUndefined();
    expect(errors).toEqual(['registry credentials could not be read']);
    await expect(start(true)).rejects.toThrow(/it could not be read \(ENOENT\)$/);
    mkdirSync(path);
    await expect(start(false)).rejects.toThrow(/it could not be read \(EISDIR\)$/);
  });
});

describe('challenges', () => {
  test.each([
    ['Basic realm="a"', [['basic', { realm: 'a' }]]],
    [
      'Bearer realm="https://a/t",service="s,1",scope="repository:a/b:pull,push"',
      [['bearer', { realm: 'https://a/t', service: 's,1', scope: 'repository:a/b:pull,push' }]],
    ],
    [
      'Negotiate abc==, Basic realm="a, b" , charset=UTF-8, BEARER Realm="q\\"q"',
      [
        ['basic', { realm: 'a, b', charset: 'UTF-8' }],
        ['bearer', { realm: 'q"q' }],
      ],
    ],
    ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
    ['Bearer realm="unfinished', [['bearer', {}]]],
    ['Digest realm="a"', []],
    ['', []],
    ['realm="a"', []],
  ])('%s', (header, expected) => {
    expect(
      parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
    ).toEqual(expected);
  });

  test('F6: long ones cost nothing', () => {
    // So often that a time that grows with the square would be told from one that does not.
    const took = threadMilliseconds(() => {
      for (let times = 0; times < 20; times += 1) {
        expect(parseChallenges(`Bearer ${'a="'.repeat(100_000)}`)).toEqual([]);
        parseChallenges(`Bearer ${'a="\\'.repeat(2000)}`);
        parseChallenges(`Bearer ${' ,'.repeat(4000)}`);
      }
    });
    expect(took).toBeLessThan(500);
  });
});

/** Asks for a token at `realm` and then for nothing but `Bearer good`. */
function wantsToken(registry: EvilRegistry, realm: string): Script {
  return (request, response) => {
    if (request.url?.startsWith('/token') === true) {
      response.end('{"token":"good"}');
      return true;
    }
    if (request.headers.authorization === 'Bearer good') return false;
    response
      .writeHead(401, {
        'www-authenticate': `Bearer realm="${realm}",service="${registry.host}",scope="repository:other:push"`,
      })
      .end();
    return true;
  };
}

async function setup(credential: object | null = { auth }, more: object = {}) {
  const registry = await evilRegistry();
  const digest = new Artifacts(registry).image();
  const dockerConfigFile = configFile(credential === null ? {} : { [registry.host]: credential });
  return { registry, digest, source: imageSource([registry], { dockerConfigFile, ...more }) };
}

describe('signing in', () => {
  test('Basic, only after it was asked for', async () => {
    const { registry, digest, source } = await setup();
    registry.script((request, response) => {
      if (request.headers.authorization === basic) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basic, basic]);
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(registry.seen).toHaveLength(5);
  });

  test('a token for one repository and for pulling, whatever scope was offered', async () => {
    const { registry, digest, source } = await setup();
    registry.script(wantsToken(registry, `http://${registry.host}/token?account=x`));
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    const token = registry.seen.find(({ url }) => url.startsWith('/token'));
    expect(token?.headers.authorization).toBe(basic);
    const query = new URLSearchParams(token?.url.split('?')[1]);
    expect(Object.fromEntries(query)).toEqual({
      account: 'x',
      service: registry.host,
      scope: 'repository:org/app:pull',
    });
    expect(query.getAll('scope')).toHaveLength(1);
  });

  test('an anonymous token carries nothing', async () => {
    const { registry, digest, source } = await setup(null);
    registry.script(wantsToken(registry, `http://${registry.host}/token`));
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      undefined,
      'Bearer good',
      'Bearer good',
    ]);
  });

  test('an identity token is changed by POST', async () => {
    const { registry, digest, source } = await setup({ identitytoken: 'refresh/me' });
    registry.script(wantsToken(registry, `http://${registry.host}/token`));
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    const token = registry.seen.find(({ method }) => method === 'POST');
    expect(token?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(token?.body))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh/me',
      scope: 'repository:org/app:pull',
    });
  });

  test('a token is used until it runs out, and one that is refused early is renewed once', async () => {
    let now = 1_000_000;
    const { registry, digest, source } = await setup({ auth }, { now: () => now });
    let good = 'one';
    registry.script((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.end(JSON.stringify({ access_token: good, expires_in: 100 }));
        return true;
      }
      if (request.headers.authorization === `Bearer ${good}`) return false;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` }).end();
      return true;
    });
    const tokens = () => registry.asked.filter((line) => line.includes('/token')).length;
    for (const [wait, expected] of [
      [0, 1],
      [79_000, 1],
      [2000, 2],
    ] as const) {
      now += wait;
      expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
      expect(tokens()).toBe(expected);
    }
    good = 'two';
    expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(tokens()).toBe(3);
    good = 'unobtainable';
    registry.script((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end('{"token":"bad"}');
      else
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` }).end();
      return true;
    });
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
    });
    // One more as who it is, and then nobody's: the first, and its one renewal.
    expect(tokens()).toBe(6);
  });

  test.each([
    ['not JSON', '<html>'],
    ['no token', '{}'],
    ['a token that would be a header of its own', '{"token":"a\\r\\nx: y"}'],
    ['a token beyond ASCII', '{"token":"\u00e9"}'],
    ['too long', `{"token":"${'x'.repeat(70_000)}"}`],
  ])('a token answer that is %s', async (_name, body) => {
    const { registry, source } = await setup(null);
    registry.script((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end(body);
      else
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` }).end();
      return true;
    });
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_ERROR',
    });
  });

  test.each([401, 403])('%d in spite of credentials', async (status) => {
    const { registry, source } = await setup();
    registry.script((_request, response) => {
      response.writeHead(status, { 'www-authenticate': 'Basic realm="r"' }).end('a body of the registry');
      return true;
    });
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
      message: expect.not.stringContaining('a body'),
    });
  });
});

describe('D5: credentials stay where they belong', () => {
  let authority: CertificateAuthority;
  let served: KeyPairPem;
  beforeAll(() => {
    authority = createAuthority('tests');
    served = authority.issue({ commonName: 'r', names: ['127.0.0.1'] });
  });
  const serving = () => evilRegistry({ cert: served.certPem, key: served.keyPem });

  test('a realm on another server gets nothing, unless the settings name it', async () => {
    const sink = await serving();
    sink.script(wantsToken(sink, ''));
    const registry = await serving();
    const digest = new Artifacts(registry).image();
    registry.script(wantsToken(registry, `https://${sink.host}/token`));
    const dockerConfigFile = configFile({ [registry.host]: { auth } });
    const settings = { host: registry.host, caPem: authority.certPem };
    const strict = imageSource([], { dockerConfigFile, registries: [settings] });
    await expect(strict.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_ERROR',
      message: expect.stringContaining('tokenRealm'),
    });
    expect(sink.connections).toBe(0);
    const named = imageSource([], {
      dockerConfigFile,
      registries: [{ ...settings, tokenRealm: `https://${sink.host}` }],
    });
    expect(await named.resolve(reference(registry), asking())).toMatchObject({ digest });
    expect(sink.seen[0]?.headers.authorization).toBe(basic);
  });

  test.each([
    'http://127.0.0.1:1/token',
    'ftp://127.0.0.1/x',
    'not a url',
    '',
    'https://user:pass@127.0.0.1/',
  ])('the realm %p is not asked, with credentials or without', async (realm) => {
    for (const credential of [{ auth }, null]) {
      const { registry, source } = await setup(credential);
      registry.script(wantsToken(registry, realm));
      await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
        code: expect.stringMatching(/^REGISTRY_(?:ERROR|TLS)$/),
      });
      expect(registry.seen).toHaveLength(1);
    }
  });

  test('a redirect takes no Authorization along, nor does a way back', async () => {
    const [registry, storage] = [await serving(), await serving()];
    const artifacts = new Artifacts(registry);
    const digest = artifacts.image();
    const blob = artifacts.simpleLayer('payload');
    artifacts.simpleSigned(digest, [blob]);
    const path = artifacts.path('blobs', String(blob['digest']));
    registry.script((request, response, { url }) => {
      if (url === `${path}?back`) return response.end('payload') !== undefined;
      if (request.headers.authorization !== basic)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else if (url === path)
        response.writeHead(307, { location: `https://${storage.host}/stored?signature=1` }).end();
      else return false;
      return true;
    });
    storage.script((_request, response) => {
      response.writeHead(302, { location: `https://${registry.host}${path}?back` }).end();
      return true;
    });
    const dockerConfigFile = configFile({ [registry.host]: { auth } });
    // The storage's address is allowed here by the only setting that can.
    const settings = { host: registry.host, caPem: authority.certPem, tokenRealm: `https://${storage.host}` };
    const found = await look(imageSource([], { dockerConfigFile, registries: [settings] }), registry, digest);
    expect(summary(found)).toEqual({ evidence: ['payload'], refused: [], faults: [] });
    expect(storage.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/stored?signature=1', undefined],
    ]);
    expect(registry.seen.find(({ url }) => url.endsWith('?back'))?.headers.authorization).toBeUndefined();
    expect(registry.seen.filter(({ headers }) => headers.authorization === basic).length).toBeGreaterThan(2);
  });

  test('where it redirected to cannot ask who we are', async () => {
    const [registry, storage] = [await serving(), await serving()];
    registry.script((_request, response) => {
      response.writeHead(307, { location: `https://${storage.host}/` }).end();
      return true;
    });
    storage.script((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="give"' }).end();
      return true;
    });
    const dockerConfigFile = configFile({ [registry.host]: { auth }, [storage.host]: { auth } });
    const settings = { host: registry.host, caPem: authority.certPem, tokenRealm: `https://${storage.host}` };
    const source = imageSource([], { dockerConfigFile, registries: [settings] });
    await expect(source.resolve(reference(registry), asking())).rejects.toMatchObject({
      code: 'REGISTRY_AUTH',
    });
    expect([...registry.seen, ...storage.seen].map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('another port is another registry', async () => {
    const [registry, other] = [await evilRegistry(), await evilRegistry()];
    other.script((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });
    const dockerConfigFile = configFile({ [registry.host]: { auth }, '127.0.0.1': { auth } });
    const source = imageSource([registry, other], { dockerConfigFile });
    await expect(source.resolve(reference(other), asking())).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

test("D8: without credentials of its own a request carries none, also not the cluster's", async () => {
  const { registry, source } = await setup(null);
  const digest = new Artifacts(registry).image();
  registry.script((_request, response, { url }) => {
    if (!url.startsWith('/v2/org/app/manifests/v1')) return false;
    response.writeHead(307, { location: `http://${registry.host}/v2/org/app/manifests/${digest}` }).end();
    return true;
  });
  expect(await source.resolve(reference(registry), asking())).toMatchObject({ digest });
  await look(source, registry, digest);
  for (const { headers } of registry.seen) {
    expect(Object.keys(headers).sort()).toEqual(
      expect.arrayContaining(['host', 'accept-encoding', 'user-agent']),
    );
    expect(Object.keys(headers).filter((name) => /auth|cookie|token/i.test(name))).toEqual([]);
  }
});

test('a token server of one repository that refuses says nothing of another repository', async () => {
  const registry = await evilRegistry();
  // As Artifactory does it: each repository key has a token server of its own.
  registry.script((request, response) => {
    const [, first = '', second = ''] = (request.url ?? '').split(/[/?]/);
    if (first === 'token') response.writeHead(second === 'closed' ? 403 : 200).end('{"token":"T"}');
    else if (request.headers.authorization === 'Bearer T')
      response
        .writeHead(200, { 'docker-content-digest': `sha256:${'a'.repeat(64)}`, 'content-type': manifestType })
        .end();
    else {
      const challenge = `Bearer realm="http://${registry.host}/token/${second}",service="s"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    return true;
  });
  const source = imageSource([registry]);
  const ask = (repository: string) => source.resolve(reference(registry, { repository }), asking());
  await expect(ask('closed/app')).rejects.toMatchObject({ code: 'REGISTRY_AUTH' });
  await expect(ask('open/app')).resolves.toMatchObject({ withPullSecret: false });
});

test('a registry token that fits into no header is none: the others are tried', async () => {
  const registry = await evilRegistry();
  new Artifacts(registry).image();
  const ask = (registrytoken: string) => {
    const dockerConfigFile = configFile({ [registry.host]: { registrytoken } });
    return imageSource([registry], { dockerConfigFile }).resolve(reference(registry), asking());
  };
  await expect(ask('good')).resolves.toMatchObject({ withPullSecret: false });
  await expect(ask('a\r\nx: y')).resolves.toMatchObject({ withPullSecret: false });
  expect(registry.seen.map(({ headers }) => headers.authorization)).toContain('Bearer good');
});
