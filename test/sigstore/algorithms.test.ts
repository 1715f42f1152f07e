import { createHash, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { newKeyPair, sha256, type KeyKind, type KeyPair } from '../support/fixtures-certificates.ts';
import type { SignOptions } from '../support/fixtures.ts';
import { codeOf, D, FS, keyContext, mustVerify, mutated, rootContext } from './support.ts';

type Signing = Pick<SignOptions, 'hash' | 'scheme' | 'logHash'>;

/** What the tools and key services write. */
const ACCEPTED: readonly (readonly [KeyKind, Signing])[] = [
  ['P-256', {}],
  ['P-384', { hash: 'sha256' }],
  ['P-384', { hash: 'sha384', logHash: 'sha384' }],
  ['P-521', { hash: 'sha256' }],
  ['P-521', { hash: 'sha512', logHash: 'sha512' }],
  ['rsa-2048', { hash: 'sha256' }],
  ['rsa-2048', { hash: 'sha384', logHash: 'sha384' }],
  ['rsa-4096', { hash: 'sha512', logHash: 'sha512' }],
  ['rsa-2048', { hash: 'sha256', scheme: 'rsa-pss' }],
  ['rsa-2048', { hash: 'sha384', scheme: 'rsa-pss', logHash: 'sha384' }],
  ['rsa-4096', { hash: 'sha512', scheme: 'rsa-pss', logHash: 'sha512' }],
  ['ed25519', { hash: null }],
  ['ed25519', { scheme: 'ed25519ph', logHash: 'sha512' }],
];

const REFUSED: readonly (readonly [KeyKind, Signing])[] = [
  ['P-256', { hash: 'sha1' }],
  ['P-256', { hash: 'sha384' }],
  ['P-256', { hash: 'sha512' }],
  ['P-384', { hash: 'sha512' }],
  ['P-521', { hash: 'sha384' }],
  ['rsa-2048', { hash: 'sha1' }],
  ['rsa-2048', { hash: 'sha1', scheme: 'rsa-pss' }],
  ['rsa-2048', { hash: 'sha224' }],
];

const keys = new Map<KeyKind, KeyPair>();
const keyOf = (kind: KeyKind): KeyPair => {
  const known = keys.get(kind) ?? newKeyPair(kind);
  keys.set(kind, known);
  return known;
};
const manifest = Buffer.from('{"schemaVersion":2}');
const artifact = { digest: `sha256:${sha256(manifest).toString('hex')}`, manifest };

const signedBy = (signer: Pick<SignOptions, 'key' | 'leaf'>, signing: Signing) => [
  FS.signStatement({ digests: [D], ...signer, ...signing }),
  FS.signStatement({ digests: [D], log: 'v1', ...signer, ...signing }),
  FS.signManifest({ manifest, ...signer, ...signing }),
  FS.signSimple({ digest: D, ...signer, ...signing }),
  FS.signEnvelope({ digests: [D], ...signer, ...signing }),
];

test.each(ACCEPTED)('%s with %j: keys and certificates, in every form, with a log', (kind, signing) => {
  const key = keyOf(kind);
  const other = newKeyPair(kind === 'rsa-4096' ? 'rsa-2048' : kind);
  for (const evidence of signedBy({ key }, signing)) {
    expect(mustVerify(evidence, keyContext(key), artifact).log.state).toBe('valid');
    expect(codeOf(evidence, keyContext(other), artifact)).toBe('SIG_INVALID');
  }
  const leaf = FS.issue({ keys: key });
  for (const evidence of signedBy({ leaf }, signing)) {
    expect(mustVerify(evidence, rootContext(), artifact).log.state).toBe('valid');
  }
});

test.each(REFUSED)('%s with %j is refused', (kind, signing) => {
  const key = keyOf(kind);
  const [good] = signedBy({ key }, { hash: 'sha256' });
  expect(codeOf(good, keyContext(key))).toBe('verified');
  for (const evidence of signedBy({ key }, signing)) {
    expect(codeOf(evidence, keyContext(key), artifact)).toBe('SIG_INVALID');
  }
});

describe('one signature, one meaning', () => {
  test('A2: Ed25519 over the SHA-512 of a text is no Ed25519ph over the text, nor the reverse', () => {
    const key = keyOf('ed25519');
    const signStatement = (signing: Signing) =>
      FS.signStatement({ digests: [D], key, log: 'none', timestamp: false, ...signing });
    const good = signStatement({ scheme: 'ed25519ph' });
    const payload = Buffer.from(good.dsseEnvelope?.payload ?? '', 'base64');
    const type = 'application/vnd.in-toto+json';
    const text = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
    const digest = createHash('sha512').update(text).digest();
    const withSignature = (signature: Buffer) =>
      mutated(good, ({ dsseEnvelope }) => {
        if (dsseEnvelope) dsseEnvelope.signatures = [{ sig: signature.toString('base64') }];
      });
    expect(codeOf(good, keyContext(key))).toBe('verified');
    expect(codeOf(withSignature(sign(null, text, key.privateKey)), keyContext(key))).toBe('verified');
    expect(codeOf(withSignature(sign(null, digest, key.privateKey)), keyContext(key))).toBe('SIG_INVALID');
  });

  test('A1: an entry about another text, whatever its hash', () => {
    const key = keyOf('P-521');
    const signing = { key, hash: 'sha512', logHash: 'sha512', log: 'v1', timestamp: false } as const;
    const good = FS.signStatement({ digests: [D], ...signing });
    const sameSignature = mutated(good, (bundle) => {
      const [entry] = bundle.verificationMaterial.tlogEntries;
      if (entry === undefined) throw new Error('the fixture has no entry');
      const body = JSON.parse(Buffer.from(entry.canonicalizedBody, 'base64').toString());
      body.spec.data.hash.value = createHash('sha512').update('another').digest('hex');
      entry.canonicalizedBody = Buffer.from(JSON.stringify(body)).toString('base64');
      delete entry.inclusionProof;
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      entry.inclusionPromise = { signedEntryTimestamp: FS.logV1.promise(entry) };
    });
    expect(mustVerify(good, keyContext(key)).log.state).toBe('valid');
    expect(mustVerify(sameSignature, keyContext(key)).log).toMatchObject({
      state: 'invalid',
      code: 'TLOG_MISMATCH',
    });
  });
});
