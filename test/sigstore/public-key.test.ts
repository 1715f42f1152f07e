import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Refusal } from '../../src/errors.ts';
import { parsePublicKey } from '../../src/sigstore/public-key.ts';
import { newKeyPair, sha256, spki } from '../support/fixtures-certificates.ts';
import { sequence, tlv } from '../support/fixtures-der.ts';
import { pem } from '../support/fixtures-logs.ts';
import { publicKeyPem } from '../support/fixtures.ts';
import { FS, newKey, respelled } from './support.ts';

function refusalOf(text: string): Refusal {
  try {
    parsePublicKey(text);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown;
    throw thrown;
  }
  throw new Error('it was accepted');
}

const key = newKeyPair();
const GOOD = publicKeyPem(key);

test.each([
  ['P-256', 'ecdsa-p256'],
  ['P-384', 'ecdsa-p384'],
  ['P-521', 'ecdsa-p521'],
  ['rsa-2048', 'rsa'],
  ['rsa-4096', 'rsa'],
  ['ed25519', 'ed25519'],
] as const)('reads a %s key', (kind, type) => {
  const pair = newKeyPair(kind);
  const parsed = parsePublicKey(publicKeyPem(pair));
  expect(parsed).toMatchObject({
    type,
    fingerprint: `sha256:${sha256(spki(pair.publicKey)).toString('hex')}`,
  });
});

test('reads PKCS #1 and finds the same key', () => {
  const { publicKey } = newKeyPair('rsa-2048');
  const pkcs1 = publicKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  expect(pkcs1).toContain('BEGIN RSA PUBLIC KEY');
  const spkiPem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  expect(parsePublicKey(pkcs1).fingerprint).toBe(parsePublicKey(spkiPem).fingerprint);
});

describe('RSA keys', () => {
  const { publicKey } = newKeyPair('rsa-2048');
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const number = (text: string, ...before: number[]) =>
    tlv(2, Buffer.concat([Buffer.from(before), Buffer.from(text, 'base64url')]));
  const read = (modulus: Buffer, exponent: Buffer) =>
    parsePublicKey(pem('RSA PUBLIC KEY', sequence(modulus, exponent)));
  const known = read(number(n, 0), number(e));

  test('spellings of one RSA key have one fingerprint', () => {
    expect(known.spki).toEqual(spki(publicKey));
    for (const [modulus, exponent] of [
      [number(n, 0, 0, 0), number(e)],
      [number(n), number(e)],
      [number(n, 0), number(e, 0)],
      [number(n, 0), number(e, 0, 0)],
    ] as const) {
      const spelled = read(modulus, exponent);
      expect(spelled.fingerprint).toBe(known.fingerprint);
      expect(spelled.spki).toEqual(known.spki);
    }
    expect(read(number(n, 0), number('Aw')).fingerprint).not.toBe(known.fingerprint);
  });

  test('F16: exponents that nobody uses', () => {
    for (const exponent of [
      number(Buffer.of(1).toString('base64url')),
      number(Buffer.of(2).toString('base64url')),
      number(Buffer.from('0100000000ff', 'hex').toString('base64url')),
    ]) {
      expect(() => read(number(n, 0), exponent)).toThrow('exponent');
    }
    expect(read(number(n, 0), number(e)).type).toBe('rsa');
  });
});

test.each(['compressed', 'hybrid'] as const)('a key with its point %s is the same key', (form) => {
  const pair = newKey();
  const { publicKey } = pair;
  const spelled = respelled(publicKey, form);
  const known = parsePublicKey(publicKeyPem(pair));
  const parsed = parsePublicKey(pem('PUBLIC KEY', spelled));
  expect(spelled).not.toEqual(known.spki);
  expect(parsed.fingerprint).toBe(known.fingerprint);
  expect(parsed.spki).toEqual(spki(publicKey));
  expect(parsed.fingerprint).not.toBe(parsePublicKey(GOOD).fingerprint);
});

test('takes white space round the block and other line ends', () => {
  const { fingerprint } = parsePublicKey(GOOD);
  expect(parsePublicKey(`\n  ${GOOD}\n\n`).fingerprint).toBe(fingerprint);
  expect(parsePublicKey(GOOD.replaceAll('\n', '\r\n')).fingerprint).toBe(fingerprint);
});

describe('C17: texts that are no public key', () => {
  test('C17: a pasted private key is refused and never repeated', () => {
    const secrets = [
      key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      key.privateKey.export({ type: 'sec1', format: 'pem' }) as string,
      key.privateKey.export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: 'x',
      }) as string,
    ];
    expect(parsePublicKey(GOOD).type).toBe('ecdsa-p256');
    for (const secret of [...secrets, `${GOOD}${secrets[0]}`, `${secrets[0]}${GOOD}`]) {
      const refusal = refusalOf(secret);
      expect(refusal.code).toBe('UNSUPPORTED');
      expect(refusal.message).toContain('private key');
      const told = JSON.stringify([refusal.message, String(refusal.cause), refusal.stack]);
      for (const line of secret.split('\n').filter((text) => text.length > 30))
        expect(told).not.toContain(line);
    }
  });

  test.each([
    ['two blocks', `${GOOD}${GOOD}`, 'MALFORMED'],
    ['nothing', '', 'MALFORMED'],
    ['white space', ' \n\t', 'MALFORMED'],
    ['a web page', '<!doctype html><html><body>404</body></html>', 'MALFORMED'],
    ['text before', `key: ${GOOD}`, 'MALFORMED'],
    ['text after', `${GOOD}\nhello`, 'MALFORMED'],
    ['no end', GOOD.slice(0, -10), 'MALFORMED'],
    ['an empty block', pem('PUBLIC KEY', Buffer.alloc(0)), 'MALFORMED'],
    ['junk inside', pem('PUBLIC KEY', Buffer.from('junk')), 'MALFORMED'],
    ['no base64', GOOD.replace('M', '*'), 'MALFORMED'],
    ['headers inside', GOOD.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n'), 'MALFORMED'],
    ['the certificate of an authority', pem('CERTIFICATE', FS.authority.der), 'CERT_INVALID'],
    ['a certificate that is none', pem('CERTIFICATE', Buffer.from('junk')), 'CERT_INVALID'],
    ['a chain', pem('CERTIFICATE', FS.issue().der) + pem('CERTIFICATE', FS.authority.der), 'MALFORMED'],
    ['another block', pem('EC PARAMETERS', Buffer.from('x')), 'UNSUPPORTED'],
    ['SPKI under the label of PKCS #1', GOOD.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY'), 'MALFORMED'],
    ['far too much', GOOD + ' '.repeat(20_000), 'LIMIT'],
  ])('C17: %s', (_name, text, code) => {
    expect(refusalOf(text).code).toBe(code);
  });

  test('C17: other curves and kinds of key', () => {
    const exported = (publicKey: { export(options: object): unknown }) =>
      publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const { publicKey: koblitz } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const { publicKey: x25519 } = generateKeyPairSync('x25519');
    const { publicKey: pss } = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    for (const other of [koblitz, x25519, pss]) expect(refusalOf(exported(other)).code).toBe('UNSUPPORTED');
  });

  test('F16: RSA keys outside 2048 to 4096 bits', () => {
    const rsa = (modulusLength: number) => publicKeyPem(generateKeyPairSync('rsa', { modulusLength }));
    expect(parsePublicKey(rsa(3072)).type).toBe('rsa');
    expect(refusalOf(rsa(1024)).code).toBe('UNSUPPORTED');
    // 8,192 bits, without the minute that making such a pair takes.
    const huge = Buffer.alloc(1024, 0xff);
    const jwk = { kty: 'RSA', n: huge.toString('base64url'), e: 'AQAB' };
    const { createPublicKey } = process.getBuiltinModule('node:crypto');
    const text = createPublicKey({ key: jwk, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    }) as string;
    expect(refusalOf(text).code).toBe('UNSUPPORTED');
  });
});
