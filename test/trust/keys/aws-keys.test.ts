import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import type { AwsSettings } from '../../../src/trust/keys/settings.ts';
import { startKeyStore, type Answering, type KeyStoreServer } from '../../support/key-store.ts';
import { createWorkDirectory } from '../../support/work-dir.ts';
import { fingerprint, newKey, outcome, resolverWith } from './support.ts';

const work = createWorkDirectory('aws-keys');
const key = newKey();
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const arn = `arn:aws:kms:eu-west-1:111122223333:key/${keyId}`;
let answering: Answering;
let server: KeyStoreServer;
let plain: KeyStoreServer;

const before = { ...process.env };
beforeAll(async () => {
  // The SDK reads these itself.
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATESTS';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'tests-secret';
  process.env['AWS_SESSION_TOKEN'] = 'tests-session';
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  const names = ['kms.eu-west-1.amazonaws.com', '127.0.0.1'] as const;
  server = await startKeyStore((request) => answering(request), names);
  plain = await startKeyStore((request) => answering(request));
});
afterEach(() => {
  answering = good;
});
afterAll(async () => {
  process.env = before;
  await Promise.all([server.stop(), plain.stop()]);
  work.remove();
});

function publicKey(changes: object = {}, of: KeyObject = key) {
  return {
    KeyId: arn,
    KeyUsage: 'SIGN_VERIFY',
    KeySpec: 'ECC_NIST_P256',
    SigningAlgorithms: ['ECDSA_SHA_256'],
    PublicKey: of.export({ type: 'spki', format: 'der' }).toString('base64'),
    ...changes,
  };
}
const good: Answering = () => ({ body: publicKey() });
answering = good;

async function asked(uri = `awskms:///${arn}`, aws: AwsSettings = {}, leads = true) {
  const resolver = resolverWith({ aws }, leads ? { connect: server.connect } : {});
  try {
    return await outcome(resolver, uri);
  } finally {
    await resolver.close();
  }
}

describe('keys in AWS KMS', () => {
  test('a key by its ARN, asked of its region, signed by the SDK', async () => {
    expect(await asked()).toEqual([fingerprint(key)]);
    const [request] = server.requests;
    expect(request?.headers).toMatchObject({
      host: 'kms.eu-west-1.amazonaws.com',
      'x-amz-target': 'TrentService.GetPublicKey',
      'x-amz-security-token': 'tests-session',
    });
    expect(request?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIATESTS\//);
    expect(JSON.parse(request?.body ?? '')).toEqual({ KeyId: arn });
  });

  test.each([
    `awskms:///${keyId}`,
    'awskms:///alias/release',
    'awskms:///arn:aws:kms:eu-west-1:111122223333:alias/release',
    `awskms://kms.eu-west-1.amazonaws.com/${keyId}`,
  ])('%s', async (uri) => {
    expect(await asked(uri, { region: 'eu-west-1' })).toEqual([fingerprint(key)]);
  });

  test('without an ARN a region must be known', async () => {
    expect(await asked('awskms:///alias/release')).toMatch(/its AWS region is not known; use an ARN/);
  });

  test.each([
    ['A35 another key', { KeyId: arn.replace('1234abcd', '9999abcd') }, /another key than the one/],
    ['A35 another account', { KeyId: arn.replace('1111', '9999') }, /another key than the one/],
    ['A35 another bare id', { KeyId: keyId.replace('1234', '9999') }, /another key than the one/],
    ['A35 no key at all', { KeyId: undefined }, /another key than the one/],
    [
      'a key that encrypts',
      { KeyUsage: 'ENCRYPT_DECRYPT', SigningAlgorithms: undefined },
      /KeyUsage is not SIGN_VERIFY/,
    ],
    ['a key that agrees on keys', { KeyUsage: 'KEY_AGREEMENT' }, /KeyUsage is not SIGN_VERIFY/],
    ['no public key', { PublicKey: undefined }, /without a public key/],
    ['garbage as public key', { PublicKey: 'AAAA' }, /cannot be read/],
    ['a curve that nobody supports', publicKey({}, newKey('secp256k1')), /other than P-256/],
  ])('%s is refused', async (_, changes, sentence) => {
    answering = () => ({ body: publicKey(changes) });
    expect(await asked()).toMatch(sentence);
    answering = good;
    expect(await asked()).toEqual([fingerprint(key)]);
  });

  test.each([
    [400, 'AccessDeniedException', /^access denied \(AccessDeniedException\); check that the role's policy/],
    [400, 'NotFoundException', /^there is no such key \(NotFoundException\); check its id/],
    [400, 'DisabledException', /it is disabled, or about to be deleted \(DisabledException\)/],
    [400, 'UnsupportedOperationException', /something else than signing/],
    [400, 'UnrecognizedClientException', /refused the credentials \(UnrecognizedClientException\)/],
    [400, 'ThrottlingException', /limits the rate/],
    [500, 'KMSInternalException', /answered with an error \(KMSInternalException\)/],
    [301, 'x', /points to another address/],
  ])('%i %s is told as such', async (status, __type, sentence) => {
    answering = () => ({ status, body: { __type, message: 'secret detail' } });
    const said = await asked();
    expect(said).toMatch(sentence);
    expect(said).not.toContain('secret');
  });

  test('answers that are too long, not JSON, or none', async () => {
    answering = () => ({ body: 'x'.repeat(70_000) });
    expect(await asked()).toMatch(/more than 65536 bytes/);
    answering = () => ({ body: '<html>' });
    expect(await asked()).toMatch(/answered with an error \(SyntaxError\)/);
    answering = () => undefined;
    const resolver = resolverWith({}, { connect: server.connect });
    const signal = AbortSignal.timeout(100);
    await expect(outcome(resolver, `awskms:///${arn}`, signal)).resolves.toMatch(/in time|AbortError/);
    await resolver.close();
  });

  test.each([
    'evil.example.com',
    '127.0.0.1:1',
    'amazonaws.com.example.com',
    'xamazonaws.com',
    'localhost',
    // What anybody can rent below AWS's domains, with a certificate that holds.
    'a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com',
    'kms.s3.eu-west-1.amazonaws.com',
    'kms-evil-123.eu-west-1.elb.amazonaws.com',
    'vpce-1.vpce-svc-2.eu-west-1.vpce.amazonaws.com',
    'kms.amazonaws.com',
  ])('A35 D8: the endpoint %s is not one of AWS, and gets no request', async (host) => {
    const count = server.requests.length;
    expect(await asked(`awskms://${host}/${arn}`)).toMatch(
      /^the endpoint .* is not one of AWS's; list it in keys.aws.endpoints/,
    );
    expect(server.requests.length).toBe(count);
  });

  test.each([
    'kms.eu-west-1.amazonaws.com',
    'kms-fips.us-gov-west-1.amazonaws.com',
    'kms.cn-north-1.amazonaws.com.cn',
    'kms.eu-west-1.api.aws',
    'vpce-0a1b-2c3d.kms.eu-west-1.vpce.amazonaws.com',
    'vpce-0a1b-2c3d-eu-west-1a.kms.eu-west-1.vpce.amazonaws.com',
  ])('the endpoint %s is one of AWS', async (host) => {
    const count = server.requests.length;
    expect(String(await asked(`awskms://${host}/${arn}`))).not.toMatch(/is not one of AWS's/);
    // Its certificate is for one of these names only.
    expect(server.requests.length - count).toBe(host === 'kms.eu-west-1.amazonaws.com' ? 1 : 0);
  });

  test('an endpoint that is listed: over TLS with its authority, over http where that is said', async () => {
    const caFile = join(work.path, 'ca.pem');
    writeFileSync(caFile, server.ca ?? '');
    const host = `127.0.0.1:${server.port}`;
    const uri = `awskms://${host}/${arn}`;
    expect(await asked(uri, { endpoints: [{ host }] }, false)).toMatch(/could not be trusted over TLS/);
    expect(await asked(uri, { endpoints: [{ host, caFile }] }, false)).toEqual([fingerprint(key)]);
    const other = `127.0.0.1:${plain.port}`;
    const plainUri = `awskms://${other}/${arn}`;
    expect(await asked(plainUri, { endpoints: [{ host: other }] }, false)).toMatch(
      /could not be trusted over TLS/,
    );
    expect(plain.requests).toEqual([]);
    expect(await asked(plainUri, { endpoints: [{ host: other, plainHttp: true }] }, false)).toEqual([
      fingerprint(key),
    ]);
  });

  test('D8: an endpoint from the environment gets no request either, unless it is listed', async () => {
    process.env['AWS_ENDPOINT_URL_KMS'] = 'https://evil.example.com';
    const count = server.requests.length;
    expect(await asked()).toMatch(/the AWS client would ask evil.example.com, which is not one of AWS's/);
    expect(server.requests.length).toBe(count);
    delete process.env['AWS_ENDPOINT_URL_KMS'];
    expect(await asked()).toEqual([fingerprint(key)]);
  });

  test('no credentials', async () => {
    const { AWS_ACCESS_KEY_ID: _, ...without } = process.env;
    const saved = process.env;
    process.env = {
      ...without,
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
      AWS_CONFIG_FILE: '/nonexistent',
    };
    const count = server.requests.length;
    expect(await asked()).toMatch(/no AWS credentials were found \(CredentialsProviderError\); give/);
    expect(server.requests.length).toBe(count);
    process.env = saved;
  });
});
