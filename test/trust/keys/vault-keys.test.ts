import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKeyReference } from '../../../src/api/key-reference.ts';
import { Refusal } from '../../../src/errors.ts';
import type { VaultSettings } from '../../../src/trust/keys/settings.ts';
import { startKeyStore, type Answering, type KeyStoreServer } from '../../support/key-store.ts';
import { createWorkDirectory } from '../../support/work-dir.ts';
import { directOrigins } from '../../../src/registry/no-proxy.ts';
import { fingerprint, newKey, outcome, pem, resolverWith } from './support.ts';

const work = createWorkDirectory('vault-keys');
const keys = [newKey(), newKey(), newKey()] as const;
let answering: Answering;
let server: KeyStoreServer;
const servers: KeyStoreServer[] = [];

beforeEach(async () => {
  answering = () => ({ body: transitKey() });
  server = await started((request) => answering(request));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((each) => each.stop()));
});
afterAll(() => work.remove());

async function started(...options: Parameters<typeof startKeyStore>): Promise<KeyStoreServer> {
  const store = await startKeyStore(...options);
  servers.push(store);
  return store;
}

interface TransitChanges {
  readonly data?: object;
  readonly errors?: readonly string[];
}

/** Vault's answer for a key of three versions, of which the first is retired. */
function transitKey({ data, errors }: TransitChanges = {}) {
  const versions = keys.map((key, index) => [String(index + 1), { public_key: pem(key), name: 'P-256' }]);
  return {
    data: {
      name: 'release',
      type: 'ecdsa-p256',
      keys: Object.fromEntries(versions) as object,
      latest_version: 3,
      min_decryption_version: 2,
      ...data,
    },
    ...(errors && { errors }),
  };
}

const newest = [fingerprint(keys[2]), fingerprint(keys[1])];

async function asked(
  settings: VaultSettings = {},
  uri = 'hashivault://release',
  env: Readonly<Record<string, string>> = {},
) {
  const resolver = resolverWith(
    { vault: { address: server.url, ...settings } },
    { env: { VAULT_TOKEN: 'hvs.1', ...env } },
  );
  try {
    return await outcome(resolver, uri);
  } finally {
    await resolver.close();
  }
}

describe('keys in Vault', () => {
  test('every version that Vault still verifies with, the newest first; one GET with the token', async () => {
    expect(await asked({}, undefined, { VAULT_NAMESPACE: 'team/a' })).toEqual(newest);
    expect(server.requests.map(({ method, path }) => [method, path])).toEqual([
      ['GET', '/v1/transit/keys/release'],
    ]);
    expect(server.requests[0]?.headers).toMatchObject({
      'x-vault-token': 'hvs.1',
      'x-vault-namespace': 'team/a',
    });
  });

  test('at most 16 versions', async () => {
    const many = Array.from({ length: 20 }, (_, index) => [String(index + 1), { public_key: pem(newKey()) }]);
    answering = () => ({
      body: transitKey({ data: { keys: Object.fromEntries(many), min_decryption_version: 1 } }),
    });
    const found = await asked();
    expect(found).toHaveLength(16);
  });

  test('an Ed25519 key is bare base64, and may be PEM', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    const data = (text: string) => ({
      type: 'ed25519',
      keys: { 1: { public_key: text } },
      min_decryption_version: 1,
    });
    for (const text of [raw.toString('base64'), pem(publicKey)]) {
      answering = () => ({ body: transitKey({ data: data(text) }) });
      expect(await asked()).toEqual([fingerprint(publicKey)]);
    }
    answering = () => ({ body: transitKey({ data: data(raw.subarray(1).toString('base64')) }) });
    expect(await asked()).toContain('is not 32 bytes');
  });

  test.each([
    [
      '403',
      { status: 403, body: { errors: ['x'] } },
      /denied access \(403\).*"read" on transit\/keys\/release/,
    ],
    ['404', { status: 404, body: { errors: [] } }, /no such key \(404\)/],
    [
      'H13: sealed',
      { status: 503, body: { errors: ['Vault is sealed'] } },
      /sealed or in maintenance \(503\)/,
    ],
    ['H13: 500', { status: 500, body: 'secret detail' }, /status 500$/],
    [
      'redirect',
      { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      /points to another address \(307\)/,
    ],
    ['garbage', { body: '<html>' }, /did not answer with JSON/],
    ['another shape', { body: { data: { keys: [] } } }, /did not answer with a transit key/],
    ['huge', { body: `"${'x'.repeat(70_000)}"` }, /more than 65536 bytes/],
    ['endless', { body: 'x'.repeat(70_000), endless: true }, /more than 65536 bytes/],
    [
      'A35 200 with errors',
      { body: transitKey({ errors: ['1 error occurred'] }) },
      /did not answer with a transit key/,
    ],
    ['A35 another key', { body: transitKey({ data: { name: 'other' } }) }, /another key than the one/],
    [
      'a symmetric key',
      { body: transitKey({ data: { type: 'aes256-gcm96', keys: { 1: 1_700_000_000 } } }) },
      /does not sign/,
    ],
    ['another type', { body: transitKey({ data: { type: 'rsa-2048' } }) }, /another type than it says/],
    ['deleted', { body: transitKey({ data: { soft_deleted: true } }) }, /deleted in Vault/],
    ['no public key', { body: transitKey({ data: { keys: { 3: {} } } }) }, /no public key/],
    [
      'C17 a private key',
      { body: transitKey({ data: { keys: { 3: { public_key: '-----BEGIN PRIVATE KEY-----\nMC4C' } } } }) },
      /a private key was given/,
    ],
  ])('%s is told as such, with nothing that the server wrote', async (_, answer, sentence) => {
    answering = () => answer;
    const said = await asked();
    expect(said).toMatch(sentence);
    expect(said).not.toMatch(/secret detail|MC4C|hvs/);
    answering = () => ({ body: transitKey() });
    expect(await asked()).toEqual(newest);
  });

  test('H13: a server that says nothing ends with the deadline', async () => {
    answering = () => undefined;
    const resolver = resolverWith({ vault: { address: server.url } }, { env: { VAULT_TOKEN: 'hvs.1' } });
    expect(await outcome(resolver, 'hashivault://release', AbortSignal.timeout(100))).toMatch(
      /did not answer in time/,
    );
    await resolver.close();
  });

  test('D8: no token follows a redirect', async () => {
    const elsewhere = await started(() => ({ body: transitKey() }));
    answering = () => ({ status: 302, headers: { location: `${elsewhere.url}/v1/transit/keys/release` } });
    expect(await asked()).toMatch(/is not followed/);
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('A35 what a reference or a setting may not do', () => {
  test.each([
    'hashivault://../sys/raw',
    'hashivault://a/../../sys',
    'hashivault://a%2f..',
    'hashivault://a..b',
  ])('A35 %s is no reference', (uri) => {
    expect(() => parseKeyReference(uri)).toThrow(Refusal);
  });

  test('A35 a name that got past the parser stays in its place all the same', async () => {
    const resolver = resolverWith({ vault: { address: server.url } }, { env: { VAULT_TOKEN: 'hvs.1' } });
    for (const name of ['../sys/raw', 'a/b', 'a?b', '..']) {
      const reference = { scheme: 'hashivault', uri: `hashivault://${name}`, name } as const;
      await expect(resolver.resolve(reference, AbortSignal.timeout(1000))).rejects.toThrow(
        /no name of a transit/,
      );
    }
    expect(server.requests).toEqual([]);
    await resolver.close();
  });

  test.each(['../sys', 'transit/..', 'a b', 'a?b', 'a//b', '.'])(
    'A35 the mount %s is refused',
    async (mount) => {
      expect(await asked({ mount })).toMatch(/the mount of the transit engine is not a path/);
      expect(server.requests).toEqual([]);
      expect(await asked({ mount: 'team/transit' })).toEqual(newest);
    },
  );

  test('A35 nobody is asked whether a signature verifies', async () => {
    answering = ({ path }) => ({
      body: path.includes('/verify/') ? { data: { valid: true } } : transitKey(),
    });
    expect(await asked()).toEqual(newest);
    expect(server.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('A35 a certificate of another host, and of an authority that nobody trusts', async () => {
    const caFile = join(work.path, 'ca.pem');
    const right = await started(() => ({ body: transitKey() }), ['127.0.0.1']);
    const other = await started(() => ({ body: transitKey() }), ['vault.example.com']);
    writeFileSync(caFile, `${right.ca}${other.ca}`);
    expect(await asked({ address: other.url, caFile })).toMatch(/could not be trusted over TLS/);
    expect(await asked({ address: right.url })).toMatch(/could not be trusted over TLS/);
    expect([...other.requests, ...right.requests]).toEqual([]);
    expect(await asked({ address: right.url, caFile })).toEqual(newest);
  });

  test('plain http is for loopback, or for whoever says so', async () => {
    const env = { VAULT_TOKEN: 'hvs.1' };
    for (const [plainHttp, expected] of [
      [false, /without TLS/],
      [true, /did not answer in time|could not be reached|does not resolve/],
    ] as const) {
      const resolver = resolverWith({ vault: { address: 'http://vault.invalid:8200', plainHttp } }, { env });
      expect(await outcome(resolver, 'hashivault://release')).toMatch(expected);
      await resolver.close();
    }
  });

  test.each([
    '',
    'vault.example.com',
    'https://user:secret@vault.example.com',
    'ftp://vault',
    'https://v/?a=b',
  ])('the address "%s" is refused, and not repeated', async (address) => {
    const said = await asked({ address });
    expect(said).toMatch(/no Vault is known|not of the form|without TLS/);
    expect(said).not.toContain('secret');
  });
});

describe('who asks Vault', () => {
  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  const tokenFile = join(work.path, 'token');

  /** Logs in with `hvs.<n>`, and takes only the newest. */
  function withLogin() {
    let logins = 0;
    answering = ({ path, headers }) => {
      if (path === '/v1/auth/kubernetes/login') {
        logins += 1;
        return { body: { auth: { client_token: `hvs.${logins}`, lease_duration: 3600 } } };
      }
      return headers['x-vault-token'] === `hvs.${logins}` ? { body: transitKey() } : { status: 403 };
    };
    return { revoke: () => (logins += 1), logins: () => logins };
  }

  test('a token file, read each time, before the environment and before the home folder', async () => {
    const home = join(work.path, 'home');
    mkdirSync(home);
    writeFileSync(join(home, '.vault-token'), 'hvs.home\n');
    answering = ({ headers }) =>
      headers['x-vault-token'] === 'hvs.file' ? { body: transitKey() } : { status: 403 };
    writeFileSync(tokenFile, 'hvs.old\n');
    const resolver = resolverWith(
      { vault: { address: server.url, tokenFile } },
      { env: { VAULT_TOKEN: 'hvs.env' }, home },
    );
    expect(await outcome(resolver, 'hashivault://release')).toMatch(/denied access/);
    writeFileSync(tokenFile, 'hvs.file\n');
    expect(await outcome(resolver, 'hashivault://release')).toEqual(newest);
    await resolver.close();

    const atHome = resolverWith({ vault: { address: server.url } }, { home });
    await outcome(atHome, 'hashivault://release');
    await atHome.close();
    await asked();
    expect(server.requests.map(({ headers }) => headers['x-vault-token'])).toEqual([
      'hvs.old',
      'hvs.file',
      'hvs.home',
      'hvs.1',
    ]);
  });

  test('no token at all', async () => {
    const resolver = resolverWith({ vault: { address: server.url } });
    expect(await outcome(resolver, 'hashivault://release')).toMatch(/there is no token for Vault; set/);
    await resolver.close();
  });

  test('the Kubernetes auth method: one login for many keys, and another when the token is refused', async () => {
    writeFileSync(tokenFile, jwt({ iss: issuer, aud: ['vault'] }));
    const { revoke, logins } = withLogin();
    let now = 0;
    const resolver = resolverWith(
      { vault: { address: server.url, kubernetes: { role: 'countersign', tokenFile } } },
      { now: () => now },
    );
    const read = () => outcome(resolver, 'hashivault://release');
    expect(await Promise.all([read(), read(), read()])).toEqual([newest, newest, newest]);
    expect(logins()).toBe(1);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      role: 'countersign',
      jwt: jwt({ iss: issuer, aud: ['vault'] }),
    });
    revoke();
    expect(await read()).toEqual(newest);
    expect(logins()).toBe(3);
    now = 2_399_000;
    expect(await read()).toEqual(newest);
    expect(logins()).toBe(3);
    now = 2_401_000;
    expect(await read()).toEqual(newest);
    expect(logins()).toBe(4);
    await resolver.close();
  });

  test.each([
    ['the default audience', { iss: issuer, aud: [issuer] }],
    [
      'the issuer as audience',
      { iss: 'https://container.googleapis.com/v1/x', aud: 'https://container.googleapis.com/v1/x' },
    ],
    [
      'a name of the API server among others',
      { iss: 'https://oidc.eks/1', aud: ['vault', 'https://kubernetes.default.svc'] },
    ],
    ['no audience: a token of a Secret', { iss: 'kubernetes/serviceaccount' }],
    ['an empty list', { iss: issuer, aud: [] }],
  ])('D8: a token that the API server takes is not sent: %s', async (_, claims) => {
    withLogin();
    writeFileSync(tokenFile, jwt(claims));
    const settings = { kubernetes: { role: 'countersign', tokenFile } };
    expect(await asked(settings)).toMatch(/is one that the API server takes/);
    expect(server.requests).toEqual([]);
    writeFileSync(tokenFile, jwt({ iss: issuer, aud: ['vault'] }));
    expect(await asked(settings)).toEqual(newest);
  });

  test('a login that is refused', async () => {
    writeFileSync(tokenFile, jwt({ iss: issuer, aud: ['vault'] }));
    answering = () => ({ status: 400, body: { errors: ['invalid role name'] } });
    const said = await asked({ kubernetes: { role: 'nobody', tokenFile, mount: 'k8s' } });
    expect(said).toMatch(/refused the login at auth\/k8s \(400\)/);
    expect(said).not.toContain('invalid role name');
  });
});

describe('behind a proxy', () => {
  /** What the proxy was asked, and what was learned of a Vault without TLS at this address. */
  async function through(address: string, no: string) {
    // It answers like Vault, with a key of its own.
    const own = newKey();
    const versions = { 9: { public_key: pem(own), name: 'P-256' } };
    const proxy = await started(() => ({ body: transitKey({ data: { keys: versions } }) }));
    const settings = {
      vault: { address, plainHttp: true },
      proxy: { http: proxy.url, isDirect: directOrigins(no) },
    };
    const resolver = resolverWith(settings, { env: { VAULT_TOKEN: 'hvs.1' } });
    const found = await outcome(resolver, 'hashivault://release', AbortSignal.timeout(10_000));
    await resolver.close();
    const isDeceived = found[0] === fingerprint(own);
    return { found, isDeceived, shown: proxy.requests.map(({ headers }) => headers['x-vault-token']) };
  }

  test('D8: a Vault on this machine is never asked through it: neither its token nor its keys are for a proxy', async () => {
    expect(await through(server.url, '')).toEqual({ found: newest, isDeceived: false, shown: [] });
  });

  test('D8: nor one that NO_PROXY names by a range, as for registries; any other is', async () => {
    const vault = 'http://192.0.2.7:8200';
    expect(await through(vault, '192.0.2.0/24')).toMatchObject({ isDeceived: false, shown: [] });
    expect(await through(vault, '10.0.0.0/8')).toMatchObject({ isDeceived: true, shown: ['hvs.1'] });
  });
});
