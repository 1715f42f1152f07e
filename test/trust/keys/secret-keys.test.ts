import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { secretKeyReference } from '../../../src/api/key-reference.ts';
import type { ReadSecret } from '../../../src/trust/keys/key-ports.ts';
import { fingerprint, newKey, outcome, pem, resolverWith } from './support.ts';

const key = newKey();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const data = { 'cosign.pub': text(pem(key)) };

function read(readSecret: ReadSecret | undefined, uri = 'k8s://signing/release', namespaces = ['signing']) {
  return outcome(resolverWith({ secretNamespaces: namespaces }, { readSecret }), uri);
}

describe('keys in Secrets', () => {
  test('the public key that cosign keeps in a Secret', async () => {
    const asked: string[] = [];
    const found = await read((namespace, name) => {
      asked.push(`${namespace}/${name}`);
      return Promise.resolve(data);
    });
    expect(found).toEqual([fingerprint(key)]);
    expect(asked).toEqual(['signing/release']);
  });

  test('another key of its data', async () => {
    const resolver = resolverWith(
      { secretNamespaces: ['signing'] },
      { readSecret: () => Promise.resolve({ ...data, 'b.pem': text(pem(newKey())) }) },
    );
    const found = await resolver.resolve(
      secretKeyReference('signing', 'release', 'b.pem'),
      AbortSignal.timeout(60_000),
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.fingerprint).not.toBe(fingerprint(key));
  });

  test.each(['kube-system', 'signing-2', 'sign'])(
    'C16: a Secret of %s is not even asked for',
    async (namespace) => {
      let asked = 0;
      const count: ReadSecret = () => {
        asked += 1;
        return Promise.resolve(data);
      };
      expect(await read(count, `k8s://${namespace}/release`)).toMatch(
        /are not read; add it to keys.secretNamespaces/,
      );
      expect(asked).toBe(0);
      expect(await read(count)).toEqual([fingerprint(key)]);
    },
  );

  test('without a setting no namespace is read', async () => {
    expect(await read(() => Promise.resolve(data), undefined, [])).toMatch(/are not read/);
  });

  test.each([
    ['no cluster', undefined, /there is no cluster/],
    ['no Secret', () => Promise.resolve(undefined), /there is no such Secret/],
    ['no such data', () => Promise.resolve({}), /has no key "cosign.pub"/],
    ['a name of every object', () => Promise.resolve({ 'other.pub': text('x') }), /has no key "cosign.pub"/],
    ['403', () => Promise.reject(Object.assign(new Error('x'), { status: 403 })), /\(403\); grant "get"/],
    ['an API server that is away', () => Promise.reject(new Error('secret')), /did not deliver the Secret/],
  ] as const)('%s', async (_, readSecret, sentence) => {
    const said = await read(readSecret);
    expect(said).toMatch(sentence);
    expect(said).not.toContain('secret:');
  });

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  test.each([
    ['a private key', privatePem, /a private key was given/],
    [
      'an encrypted private key',
      '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJr\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n',
      /a private key was given/,
    ],
    ['two keys', pem(key) + pem(newKey()), /2 PEM blocks/],
    ['an HTML page', '<html>404</html>', /is not PEM/],
    ['white space', ' \n', /is not PEM/],
  ])('C17: %s is refused and not repeated', async (_, value, sentence) => {
    const said = await read(() => Promise.resolve({ 'cosign.pub': text(value) }));
    expect(said).toMatch(sentence);
    expect(said).not.toMatch(/eyJr|MIG|404/);
    expect(await read(() => Promise.resolve({ 'cosign.pub': text(`\n${pem(key)}\n`) }))).toEqual([
      fingerprint(key),
    ]);
  });
});
