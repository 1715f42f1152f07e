import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startAzureKms, type AzureKms, type AzureVault, type AzureVersion } from '../../support/azure-kms.ts';
import { fingerprint, newKey, outcome, resolverWith } from './support.ts';

const host = 'tests.vault.azure.net';
const uri = `azurekms://${host}/release`;
const keys = Array.from({ length: 5 }, () => newKey());
const now = 1_800_000_000;
const vault: AzureVault = { host, name: 'release', versions: [] };
let kms: AzureKms;

const id = (number: number) => String(number).repeat(32);
const version = (number: number, changes: Partial<AzureVersion> = {}): AzureVersion => ({
  version: id(number),
  key: keys[number - 1] ?? newKey(),
  created: 1_700_000_000 + number,
  ...changes,
});
const fingerprints = (...numbers: number[]) =>
  numbers.map((number) => fingerprint(keys[number - 1] ?? newKey()));

beforeAll(async () => {
  kms = await startAzureKms(vault);
});
beforeEach(() => {
  vault.versions = [version(1), version(2)];
});
afterEach(() => {
  delete vault.tamper;
});
afterAll(() => kms.server.stop());

async function asked(reference = uri, vaultHosts: readonly string[] = []) {
  const resolver = resolverWith(
    { azure: { vaultHosts } },
    { connect: kms.server.connect, azureCredential: kms.credential, now: () => now * 1000 },
  );
  try {
    return await outcome(resolver, reference);
  } finally {
    await resolver.close();
  }
}

describe('keys in Azure Key Vault', () => {
  test('every version that is enabled and valid now, over several pages, the newest first', async () => {
    vault.versions = [
      version(1),
      version(2, { enabled: false }),
      version(3, { exp: now }),
      version(4, { nbf: now + 1 }),
      version(5, { exp: now + 1, nbf: now }),
    ];
    expect(await asked()).toEqual(fingerprints(5, 1));
    expect(kms.scopes).toContain('https://vault.azure.net/.default');
  });

  test('a version that is named is all; one that is disabled or expired is refused', async () => {
    vault.versions = [version(1), version(2), version(3, { exp: now }), version(4, { enabled: false })];
    expect(await asked(`${uri}/${id(1)}`)).toEqual(fingerprints(1));
    expect(await asked(`${uri}/${id(3)}`)).toMatch(/disabled, expired or not valid yet/);
    expect(await asked(`${uri}/${id(4)}`)).toMatch(/disabled, expired or not valid yet/);
    expect(await asked(`${uri}/${id(5)}`)).toMatch(/no such key or version \(404\)/);
  });

  test('RSA and the larger curves', async () => {
    const others = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
      newKey('P-384'),
      newKey('P-521'),
    ];
    for (const key of others) {
      vault.versions = [version(1, { key })];
      expect(await asked()).toEqual([fingerprint(key)]);
    }
  });

  test.each([
    ['no usable version', [version(1, { enabled: false })], /no version that is enabled/],
    [
      'a key that only decrypts',
      [version(1, { ops: ['decrypt', 'wrapKey'] })],
      /neither "sign" nor "verify"/,
    ],
    [
      'a curve that nobody supports',
      [version(1, { key: newKey('secp256k1') })],
      /cannot be read|other than P-256/,
    ],
  ])('%s is refused', async (_, versions, sentence) => {
    vault.versions = versions;
    expect(await asked()).toMatch(sentence);
    vault.versions = [version(1)];
    expect(await asked()).toEqual(fingerprints(1));
  });

  test('A35 an answer for another key, and another version', async () => {
    for (const kid of [`https://${host}/keys/other/${id(1)}`, `https://${host}/keys/release/${id(2)}`]) {
      const { kty, ...numbers } = version(1).key.export({ format: 'jwk' });
      const body = { key: { kid, kty, key_ops: ['verify'], ...numbers }, attributes: { enabled: true } };
      vault.tamper = ({ path, headers }) =>
        path.startsWith(`/keys/release/${id(1)}`) && headers.authorization ? { body } : undefined;
      expect(await asked(`${uri}/${id(1)}`)).toMatch(/another key than the one/);
    }
  });

  test('D8: a list that goes on at another host is not followed', async () => {
    const before = kms.server.requests.length;
    vault.tamper = ({ path, headers }) =>
      path.startsWith('/keys/release/versions') && headers.authorization
        ? { body: { value: [], nextLink: 'https://evil.vault.azure.net/keys/release/versions?page=2' } }
        : undefined;
    expect(await asked()).toMatch(/points to another server|client for Azure Key Vault failed/);
    expect(kms.server.requests.length - before).toBe(2);
    expect(kms.server.requests.every(({ headers }) => headers.host === host)).toBe(true);
  });

  test.each(['evil.example.com', 'vault.azure.net.example.com', 'a.b.vault.azure.net', 'xvault.azure.net'])(
    'D8: %s is not a vault of Azure, and gets no request',
    async (other) => {
      const before = kms.server.requests.length;
      expect(await asked(`azurekms://${other}/release`)).toMatch(/is not a vault of Azure's; list it/);
      expect(kms.server.requests.length).toBe(before);
    },
  );

  test('a host that is listed may be asked; its certificate must still be its own', async () => {
    const said = await asked('azurekms://keys.internal.example.com/release', ['keys.internal.example.com']);
    expect(said).toMatch(/could not be trusted over TLS/);
  });

  test.each([
    [403, /access denied \(403\); grant/],
    [404, /no such key or version/],
    [429, /limits the rate/],
    [500, /status 500/],
    [307, /points to another address/],
  ])('the status %i is told as such', async (status, sentence) => {
    vault.tamper = ({ headers }) =>
      headers.authorization
        ? { status, body: { error: { code: 'X', message: 'secret detail' } } }
        : undefined;
    const said = await asked();
    expect(said).toMatch(sentence);
    expect(said).not.toContain('secret');
  });

  test('an answer that is too long, and one that is not JSON', async () => {
    vault.tamper = ({ headers }) => (headers.authorization ? { body: 'x'.repeat(70_000) } : undefined);
    expect(await asked()).toMatch(/more than 65536 bytes/);
    vault.tamper = ({ headers }) => (headers.authorization ? { body: '<html>' } : undefined);
    expect(await asked()).toMatch(/failed|status|did not/);
  });
});
