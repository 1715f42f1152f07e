import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '../../src/log.ts';
import { parsePublicKey } from '../../src/sigstore/public-key.ts';
import { KeyResolver } from '../../src/trust/keys/key-resolver.ts';
import { KeyRing } from '../../src/trust/keys/key-ring.ts';
import { eventually } from '../kube/eventually.ts';
import { FS } from '../sigstore/support.ts';
import { policy } from '../store/documents.ts';
import { pem as armored } from '../support/fixtures-logs.ts';
import { scratchDirectory } from '../tls/tls-client.ts';
import { ResourceServer } from './resource-server.ts';

const pemOf = (key: KeyObject, type: 'spki' | 'pkcs1' = 'spki') =>
  key.export({ type, format: 'pem' }).toString();
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 3072 });
const PRIVATE = EC.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const SECRETS = { namespace: 'keys', name: 'cosign' };

let scratch: ReturnType<typeof scratchDirectory>;
let server: ResourceServer;
let ring: KeyRing;
/** The same with another deadline, milliseconds. */
let ringOf: (deadline: number) => KeyRing;
let vault: Server;
/** What it was asked. */
let asked: string[];
let answer: (url: string) => { status: number; body: string } | 'silence';

const resolve = (body: unknown, as?: string) =>
  server.ask('POST', '/keys/resolve', { body, ...(as !== undefined && { as }) });

beforeEach(async () => {
  asked = [];
  answer = () => ({
    status: 200,
    body: JSON.stringify({
      data: {
        name: 'release',
        type: 'ecdsa-p256',
        min_decryption_version: 1,
        keys: { 1: { public_key: pemOf(EC.publicKey) } },
      },
    }),
  });
  vault = createServer((request, response) => {
    asked.push(request.url ?? '');
    const said = answer(request.url ?? '');
    if (said === 'silence') return;
    response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
  });
  await new Promise<void>((ready) => vault.listen(0, '127.0.0.1', ready));
  const address = `http://127.0.0.1:${(vault.address() as AddressInfo).port}`;
  const source = new KeyResolver(
    { secretNamespaces: [SECRETS.namespace], vault: { address } },
    {
      env: { VAULT_TOKEN: 'hvs.very-secret' },
      home: undefined,
      readSecret: async (namespace, name) =>
        namespace === SECRETS.namespace && name === SECRETS.name
          ? { 'cosign.pub': Buffer.from(pemOf(EC.publicKey)), 'cosign.key': Buffer.from(PRIVATE) }
          : undefined,
      now: Date.now,
    },
  );
  ringOf = (deadline) => new KeyRing({ source, logger: silentLogger, timing: { deadline } });
  // Longer than a request to this server may take.
  ring = ringOf(60_000);
  scratch = scratchDirectory();
  server = new ResourceServer(scratch.path);
  server.write('base.yaml', JSON.stringify(policy('base')));
  await server.start(undefined, { readKey: (reference, signal) => ring.read(reference, signal) });
});

afterEach(async () => {
  await server.stop();
  await ring.stop();
  vault.closeAllConnections();
  await new Promise((done) => vault.close(done));
  scratch.remove();
});

describe('a PEM text is read here', () => {
  test.each([
    ['a public key', pemOf(EC.publicKey), 'ECDSA P-256'],
    ['one with space round it', `\n  ${pemOf(EC.publicKey)}\n\n`, 'ECDSA P-256'],
    ['an RSA key', pemOf(RSA.publicKey), 'RSA 3072'],
    ['an RSA key as PKCS#1', pemOf(RSA.publicKey, 'pkcs1'), 'RSA 3072'],
    ['P-384', pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), 'ECDSA P-384'],
    ['Ed25519', pemOf(generateKeyPairSync('ed25519').publicKey), 'Ed25519'],
  ])('%s', async (_, pem, algorithm) => {
    const { status, json } = await resolve({ pem });
    const { fingerprint } = parsePublicKey(pem);
    expect([status, json]).toEqual([200, { keys: [{ fingerprint, algorithm }] }]);
    expect(asked).toEqual([]);
  });

  test('a certificate that may sign comes with whom it is for and its dates; one that may not is refused', async () => {
    const { status, json } = await resolve({ pem: armored('CERTIFICATE', FS.issue().der) });
    expect([status, json]).toEqual([
      200,
      {
        keys: [
          {
            fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
            algorithm: expect.any(String),
            certificate: {
              subject: expect.any(String),
              notBefore: expect.stringMatching(/^\d{4}-.*Z$/),
              notAfter: expect.stringMatching(/^\d{4}-.*Z$/),
            },
          },
        ],
      },
    ]);
    const authority = await resolve({ pem: armored('CERTIFICATE', FS.authority.der) });
    expect(authority.json).toMatchObject({ status: 422, errors: [{ field: 'pem' }] });
  });

  test.each([
    ['nonsense', 'not PEM at all', /not PEM/],
    ['two keys', pemOf(EC.publicKey) + pemOf(RSA.publicKey), /2 PEM blocks/],
    ['G7: a private key', PRIVATE, /private key was given/],
    ['a small RSA key', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), /1024 bits/],
  ])('%s is refused in words, and not repeated', async (_, pem, words) => {
    const { status, json, body } = await resolve({ pem });
    expect([status, json.errors]).toEqual([422, [{ field: 'pem', message: expect.stringMatching(words) }]]);
    expect(body.toString() + server.log.join('')).not.toContain(pem.split('\n')[1] ?? pem);
  });

  test('more than anybody has', async () => {
    expect((await resolve({ pem: 'x'.repeat(70_000) })).status).toBe(422);
    expect((await resolve({ pem: 'x'.repeat(200_000) })).status).toBe(413);
  });
});

describe('a reference is read now', () => {
  test('from Vault, and from a Secret of a namespace that is allowed', async () => {
    const { fingerprint } = parsePublicKey(pemOf(EC.publicKey));
    const keys = [{ fingerprint, algorithm: 'ECDSA P-256' }];
    expect((await resolve({ uri: 'hashivault://release' })).json).toEqual({ keys });
    expect(asked).toEqual(['/v1/transit/keys/release']);
    expect((await resolve({ uri: 'k8s://keys/cosign' })).json).toEqual({ keys });
    // Nothing is kept.
    await resolve({ uri: 'hashivault://release' });
    expect(asked).toHaveLength(2);
  });

  test('G8: only for who has the right to create keys', async () => {
    const refused = await resolve({ uri: 'hashivault://release' }, 'viewer');
    expect(refused.json).toMatchObject({ status: 403, detail: expect.stringContaining('create keys') });
    expect((await resolve({ pem: pemOf(EC.publicKey) }, 'viewer')).status).toBe(403);
    expect(asked).toEqual([]);
    expect((await resolve({ uri: 'hashivault://release' })).status).toBe(200);
  });

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'https://127.0.0.1:8443/',
    'file:///etc/passwd',
    'awskms://169.254.169.254/alias/x',
    'awskms://127.0.0.1:8443/alias/x',
    'azurekms://localhost/key',
    'azurekms://169.254.169.254/key',
    'azurekms://kubernetes.default.svc/key',
    'hashivault://../sys/seal',
    'hashivault://a/../../sys/health',
    'hashivault://release?x=1',
    'hashivault://user:pass@127.0.0.1/x',
    'gcpkms://projects/../x',
    'k8s://kube-system/admin-token',
    'k8s://keys/../../kube-system/secrets/x',
    'K8S://keys/cosign',
  ])('G8: %s leads nowhere', async (uri) => {
    const began = performance.now();
    const { status, json } = await resolve({ uri });
    expect([422, 503]).toContain(status);
    // Whether something listens there is told by nothing, the time included: a request has half a minute.
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(asked).toEqual([]);
    expect(json.keys).toBeUndefined();
    expect((await resolve({ uri: 'hashivault://release' })).status).toBe(200);
  });

  test.each([
    ['an error page', { status: 500, body: 'stack trace of the server' }],
    ['a refusal', { status: 403, body: '{"errors":["token hvs.very-secret lacks it"]}' }],
    ['no such key', { status: 404, body: '{"errors":[]}' }],
    ['nonsense', { status: 200, body: '<html>stack trace of the server' }],
    [
      'a private key',
      {
        status: 200,
        body: JSON.stringify({
          data: {
            name: 'release',
            type: 'ecdsa-p256',
            min_decryption_version: 1,
            keys: { 1: { public_key: PRIVATE } },
          },
        }),
      },
    ],
    ['silence', 'silence'],
  ] as const)('G8: %s: words of our own, none of the server', async (_, said) => {
    answer = () => said;
    if (said === 'silence') {
      await ring.stop();
      ring = ringOf(500);
    }
    const { status, json, body } = await resolve({ uri: 'hashivault://release' });
    expect([status, json.code]).toEqual([503, 'UNAVAILABLE']);
    expect(json.detail).toMatch(/^hashivault:\/\/release could not be read: /);
    for (const secret of ['stack trace', 'hvs.very-secret', PRIVATE.split('\n')[1] ?? '']) {
      expect(body.toString() + server.log.join('')).not.toContain(secret);
    }
  });

  test('G8: questions leave most places to what admissions rely on', async () => {
    let released = 0;
    let waiting = 0;
    const { promise: free, resolve: release } = Promise.withResolvers<void>();
    vault.removeAllListeners('request');
    vault.on('request', async (_request, response) => {
      waiting += 1;
      await free;
      response.writeHead(404).end();
    });
    const questions = Array.from({ length: 6 }, () =>
      resolve({ uri: 'hashivault://release' }).finally(() => (released += 1)),
    );
    await eventually('two are asked', () => waiting === 2);
    await new Promise((later) => setTimeout(later, 50));
    expect([waiting, released]).toEqual([2, 0]);
    release();
    for (const { status } of await Promise.all(questions)) expect(status).toBe(503);
  });
});

test.each([{}, { pem: 'x', uri: 'y' }, { uri: 7 }, { url: 'x' }, [], null, 'x'])(
  'G5: the question %j is refused',
  async (body) => {
    expect([400, 422]).toContain((await resolve(body)).status);
    expect(asked).toEqual([]);
  },
);
