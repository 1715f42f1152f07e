import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { KeyPorts } from '../../../src/trust/keys/key-ports.ts';
import { crc32c } from '../../../src/trust/keys/crc32c.ts';
import { startGcpKms, type GcpKey, type GcpKms, type GcpVersion } from '../../support/gcp-kms.ts';
import type { AskedRequest, StoreAnswer } from '../../support/key-store.ts';
import { createWorkDirectory } from '../../support/work-dir.ts';
import { fingerprint, newKey, outcome, pem, resolverWith } from './support.ts';

const work = createWorkDirectory('gcp-keys');
const keys = Array.from({ length: 5 }, () => newKey());
const name = 'projects/tests/locations/global/keyRings/ring/cryptoKeys/release';
const uri = `gcpkms://${name}`;
const key: GcpKey = { name, versions: [] };
let kms: GcpKms;

const version = (number: number, changes: Partial<GcpVersion> = {}): GcpVersion => ({
  number: String(number),
  pem: pem(keys[number - 1] ?? newKey()),
  ...changes,
});
const fingerprints = (...numbers: number[]) =>
  numbers.map((number) => fingerprint(keys[number - 1] ?? newKey()));

beforeAll(async () => {
  kms = await startGcpKms(work.path, key);
});
beforeEach(() => {
  key.versions = [version(1), version(2), version(3)];
});
afterEach(() => {
  delete key.tamper;
});
afterAll(async () => {
  await kms.stop();
  work.remove();
});

async function asked(reference = uri, credentialsFile = kms.credentialsFile, ports: Partial<KeyPorts> = {}) {
  const resolver = resolverWith({ gcp: { credentialsFile } }, { connect: kms.server.connect, ...ports });
  try {
    return await outcome(resolver, reference);
  } finally {
    await resolver.close();
  }
}

describe('keys in Google Cloud KMS', () => {
  test('every enabled version that signs, over several pages, the newest first; one token', async () => {
    key.versions = [
      version(1),
      version(2, { state: 'DISABLED' }),
      version(3),
      version(4, { algorithm: 'RSA_DECRYPT_OAEP_2048_SHA256' }),
      version(5),
    ];
    const before = kms.tokens.requests.length;
    expect(await asked()).toEqual(fingerprints(5, 3, 1));
    expect(kms.tokens.requests.length - before).toBe(1);
    expect(kms.tokens.requests.at(-1)?.body).toContain('the+token+of+the+ServiceAccount');
  });

  test('a version that is named needs one request, and is all', async () => {
    const before = kms.server.requests.length;
    expect(await asked(`${uri}/cryptoKeyVersions/2`)).toEqual(fingerprints(2));
    expect(await asked(`${uri}/versions/2`)).toEqual(fingerprints(2));
    expect(kms.server.requests.length - before).toBe(2);
    expect(kms.server.requests.at(-1)?.path).toBe(`/v1/${name}/cryptoKeyVersions/2/publicKey`);
  });

  const forPublicKey =
    (change: (body: Record<string, unknown>) => object) =>
    ({ path }: AskedRequest): StoreAnswer | undefined =>
      path.endsWith('/2/publicKey')
        ? {
            body: change({
              pem: version(2).pem,
              pemCrc32c: String(crc32c(Buffer.from(version(2).pem))),
              algorithm: 'EC_SIGN_P256_SHA256',
              name: `${name}/cryptoKeyVersions/2`,
            }),
          }
        : undefined;

  test.each([
    ['damaged on the way', (body) => ({ ...body, pemCrc32c: '1' }), /CRC-32C/],
    ['A35 another version', (body) => ({ ...body, name: `${name}/cryptoKeyVersions/1` }), /another key/],
    [
      'a key that decrypts',
      (body) => ({ ...body, algorithm: 'RSA_DECRYPT_OAEP_2048_SHA256' }),
      /something else than signing/,
    ],
    ['no checksum', (body) => ({ ...body, pemCrc32c: undefined }), /did not answer with a public key/],
    ['a kind that nobody supports', () => withPem(newKey('secp256k1')), /other than P-256/],
  ] as [string, (body: Record<string, unknown>) => object, RegExp][])(
    '%s is refused',
    async (_, change, sentence) => {
      key.tamper = forPublicKey((body) => body);
      expect(await asked(`${uri}/cryptoKeyVersions/2`)).toEqual(fingerprints(2));
      key.tamper = forPublicKey(change);
      expect(await asked(`${uri}/cryptoKeyVersions/2`)).toMatch(sentence);
    },
  );

  function withPem(other: Parameters<typeof pem>[0]) {
    const text = pem(other);
    return {
      pem: text,
      pemCrc32c: String(crc32c(Buffer.from(text))),
      algorithm: 'EC_SIGN_SECP256K1_SHA256',
      name: `${name}/cryptoKeyVersions/2`,
    };
  }

  test.each([
    ['no version is enabled', { cryptoKeyVersions: [] }, /no enabled version that signs/],
    ['the list is of another shape', { cryptoKeyVersions: 1 }, /did not answer with a list/],
    [
      'A35 the list names a version of another key',
      {
        cryptoKeyVersions: [
          { name: `${name}2/cryptoKeyVersions/1`, state: 'ENABLED', algorithm: 'EC_SIGN_P256_SHA256' },
        ],
      },
      /version of another key/,
    ],
    [
      'A35 the list leads elsewhere',
      {
        cryptoKeyVersions: [
          { name: `${name}/cryptoKeyVersions/../../x`, state: 'ENABLED', algorithm: 'EC_SIGN_P256_SHA256' },
        ],
      },
      /version of another key/,
    ],
  ])('%s', async (_, body, sentence) => {
    key.tamper = ({ path }) => (path.includes('cryptoKeyVersions?') ? { body } : undefined);
    expect(await asked()).toMatch(sentence);
  });

  test('a list without end is given up after five pages', async () => {
    key.tamper = ({ path }) =>
      path.includes('cryptoKeyVersions?')
        ? { body: { cryptoKeyVersions: [], nextPageToken: 'more' } }
        : undefined;
    const before = kms.server.requests.length;
    expect(await asked()).toMatch(/no enabled version/);
    expect(kms.server.requests.length - before).toBe(5);
  });

  test.each([
    [401, /refused the credentials/],
    [403, /access denied \(403\); grant roles\/cloudkms.publicKeyViewer/],
    [404, /no such key or version/],
    [429, /limits the rate/],
    [500, /status 500/],
    [302, /points to another address/],
  ])('the status %i is told as such', async (status, sentence) => {
    key.tamper = () => ({ status, body: { error: { message: 'secret detail' } } });
    const said = await asked();
    expect(said).toMatch(sentence);
    expect(said).not.toContain('secret');
  });

  test('without credentials nobody is asked', async () => {
    const before = kms.server.requests.length;
    const said = await asked(uri, `${work.path}/absent.json`);
    expect(said).toMatch(/cannot be read; check keys.gcp.credentialsFile/);
    expect(kms.server.requests.length).toBe(before);
  });

  test.each([
    ['of a person', { type: 'authorized_user', client_id: 'a', client_secret: 'b', refresh_token: 'c' }],
    [
      'that a program prints',
      { type: 'external_account', credential_source: { executable: { command: 'sh' } } },
    ],
  ])('credentials %s are refused', async (_, document) => {
    const file = `${work.path}/other.json`;
    writeFileSync(file, JSON.stringify(document));
    expect(await asked(uri, file)).toMatch(/holds neither a service account's key nor a configuration/);
    expect(await asked()).toEqual(fingerprints(3, 2, 1));
  });

  test('D8: the token goes to cloudkms.googleapis.com, and to nobody with another certificate', async () => {
    const said = await asked(uri, kms.credentialsFile, { connect: kms.server.connect });
    expect(said).toEqual(fingerprints(3, 2, 1));
    expect(new Set(kms.server.requests.map(({ headers }) => headers.host))).toEqual(
      new Set(['cloudkms.googleapis.com']),
    );
  });
});

test('CRC-32C as its RFC has it', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});
