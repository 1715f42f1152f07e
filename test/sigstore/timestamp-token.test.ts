import { describe, expect, test } from '@jest/globals';
import { newKeyPair } from '../support/fixtures-certificates.ts';
import { after, GOLD_TIME, INSTANCE_END, INSTANCE_START, type BundleJson } from '../support/fixtures.ts';
import {
  createTimestampAuthority,
  type StampHash,
  type StampOptions,
  type TimestampAuthority,
} from '../support/fixtures-timestamps.ts';
import { codeOf, D, first, FS, keyContext, mustVerify, mutated, newKey, rootContext } from './support.ts';

const leaf = FS.issue();
const GOLD = FS.signStatement({ digests: [D], leaf });
const signature = Buffer.from(first(GOLD.dsseEnvelope?.signatures).sig, 'base64');
const PERIOD = { notBefore: INSTANCE_START, notAfter: INSTANCE_END };

function stamped(options: StampOptions, by: TimestampAuthority = FS.tsa, at = GOLD_TIME): BundleJson {
  return mutated(GOLD, ({ verificationMaterial }) => {
    const signedTimestamp = by.stamp(signature, at, options).toString('base64');
    verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] };
  });
}

/** A root that trusts another authority beside its own. */
function trusting(tsa: TimestampAuthority) {
  return rootContext((root) => {
    const authority = structuredClone(first(root.timestampAuthorities));
    authority.certChain.certificates = tsa.chain.map((der) => ({ rawBytes: der.toString('base64') }));
    root.timestampAuthorities.push(authority);
  });
}

describe('the time of a token', () => {
  test.each([
    ['20260601120000Z', 0],
    ['20260601120000.1Z', 100],
    ['20260601120000.12Z', 120],
    ['20260601120000.123Z', 123],
    ['20260601120000.123456Z', 123],
    ['20260601120000.999999999Z', 999],
    ['20260601120000.000000000000000001Z', 0],
  ])('%s is read to the millisecond', (timeText, milliseconds) => {
    const { timestamps } = mustVerify(stamped({ timeText }));
    expect(timestamps).toMatchObject({
      state: 'valid',
      proofs: [{ signedAt: GOLD_TIME.getTime() + milliseconds }],
    });
  });

  test.each([
    '20260601120000.Z',
    '20260601120000.0000000000000000001Z',
    '20260601120000,5Z',
    '20260601120000',
    '20260601120000+0000',
    '202606011200Z',
    '20260230120000Z',
    '20260601240000Z',
    '20260601126000Z',
    '20261301120000Z',
    '260601120000Z',
    ' 20260601120000Z',
    '20260601120000Z\n',
    '+0020260601120000Z',
  ])('A18: %j is no time', (timeText) => {
    // By a key, which no validity binds: the time alone decides.
    const key = newKey();
    const bundle = FS.signStatement({ digests: [D], key, log: 'none' });
    const text = Buffer.from(first(bundle.dsseEnvelope?.signatures).sig, 'base64');
    const timestampsAt = (spelled: string) => {
      const signedTimestamp = FS.tsa.stamp(text, GOLD_TIME, { timeText: spelled }).toString('base64');
      const made = mutated(bundle, ({ verificationMaterial }) => {
        verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] };
      });
      return mustVerify(made, keyContext(key)).timestamps;
    };
    expect(timestampsAt('20260601120000Z').state).toBe('valid');
    expect(timestampsAt(timeText)).toMatchObject({ state: 'invalid', code: 'TIME_UNTRUSTED' });
  });

  test('A21: a fraction of a second outside the period of the certificate authority is outside', () => {
    const until = (end: string) =>
      rootContext((root) => {
        first(root.certificateAuthorities).validFor.end = end;
      });
    const late = stamped({ timeText: '20260601120000.5Z' });
    expect(codeOf(late, until('2026-06-01T12:00:01Z'))).toBe('verified');
    expect(codeOf(late, until('2026-06-01T12:00:00.2Z'))).toBe('CERT_INVALID');
  });

  test('A14: a fraction of a second outside the certificate’s validity is outside', () => {
    expect(codeOf(stamped({ timeText: '20260601121000Z' }))).toBe('verified');
    expect(codeOf(stamped({ timeText: '20260601120959.999Z' }))).toBe('verified');
    expect(codeOf(stamped({ timeText: '20260601121000.001Z' }))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped({ timeText: '20260601115959.999Z' }))).toBe('TIME_UNTRUSTED');
  });

  test('A14: a fraction of a second outside the authority’s period is outside', () => {
    const until = (end: string) =>
      rootContext((root) => {
        first(root.timestampAuthorities).validFor.end = end;
      });
    const late = stamped({ timeText: '20260601120000.5Z' });
    expect(codeOf(late, until('2026-06-01T12:00:00.5Z'))).toBe('verified');
    expect(codeOf(late, until('2026-06-01T12:00:00.4Z'))).toBe('TIME_UNTRUSTED');
  });
});

describe('the algorithms of a token', () => {
  const hashes: readonly StampHash[] = ['sha256', 'sha384', 'sha512'];

  test.each(hashes)('%s, for the text and for the token', (hash) => {
    expect(codeOf(stamped({ imprint: hash }))).toBe('verified');
    expect(codeOf(stamped({ hash }))).toBe('verified');
  });

  test('A18: a token that rests on SHA-1', () => {
    expect(codeOf(stamped({ imprint: 'sha256' }))).toBe('verified');
    expect(codeOf(stamped({ imprint: 'sha1' }))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped({ hash: 'sha1' }))).toBe('TIME_UNTRUSTED');
  });

  test('authorities with RSA keys, in both spellings of the algorithm', () => {
    const rsa = createTimestampAuthority({ name: 'rsa', ...PERIOD, keys: newKeyPair('rsa-2048') });
    const context = trusting(rsa);
    for (const hash of hashes) {
      for (const bareRsa of [true, false]) {
        expect(codeOf(stamped({ hash, bareRsa }, rsa), context)).toBe('verified');
        expect(codeOf(stamped({ hash, bareRsa }, rsa))).toBe('TIME_UNTRUSTED');
        const keys = newKeyPair('rsa-2048');
        expect(codeOf(stamped({ hash, bareRsa, keys }, rsa), context)).toBe('TIME_UNTRUSTED');
      }
    }
    expect(codeOf(stamped({ hash: 'sha1' }, rsa), context)).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped({ hash: 'sha1', bareRsa: true }, rsa), context)).toBe('TIME_UNTRUSTED');
  });
});

test('each of several authorities stands on its own', () => {
  const other = createTimestampAuthority({ name: 'other', ...PERIOD });
  const both = mutated(stamped({}), ({ verificationMaterial: { timestampVerificationData } }) => {
    const token = other.stamp(signature, after(GOLD_TIME, 1500), { timeText: '20260601120001.5Z' });
    timestampVerificationData?.rfc3161Timestamps.push({ signedTimestamp: token.toString('base64') });
  });
  const { timestamps } = mustVerify(both, trusting(other));
  expect(timestamps.state === 'valid' && timestamps.proofs.map(({ signedAt }) => signedAt)).toEqual([
    GOLD_TIME.getTime(),
    GOLD_TIME.getTime() + 1500,
  ]);
  expect(
    timestamps.state === 'valid' && new Set(timestamps.proofs.map((proof) => proof.authority)).size,
  ).toBe(2);
  expect(codeOf(both)).toBe('TIME_UNTRUSTED');
});
