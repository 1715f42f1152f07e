import { describe, expect, test } from '@jest/globals';
import { GITHUB } from '../../src/sigstore/trust-root.ts';
import { trustedTimes } from '../../src/sigstore/verified-signature.ts';
import { distinguishedName, makeCertificate, newKeyPair } from '../support/fixtures-certificates.ts';
import { after, GOLD_TIME, INSTANCE_END, INSTANCE_START, type BundleJson } from '../support/fixtures.ts';
import { createTimestampAuthority, type StampOptions } from '../support/fixtures-timestamps.ts';
import { codeOf, D, E, first, flipped, FS, FS2, mustVerify, mutated, rootContext } from './support.ts';

const MINUTE = 60_000;
const leaf = FS.issue();
const GOLD = FS.signStatement({ digests: [D], leaf });
const signatureOf = (bundle: BundleJson) => Buffer.from(first(bundle.dsseEnvelope?.signatures).sig, 'base64');

function withStamps(bundle: BundleJson, ...stamps: readonly Buffer[]): BundleJson {
  return mutated(bundle, (copy) => {
    copy.verificationMaterial.timestampVerificationData = {
      rfc3161Timestamps: stamps.map((stamp) => ({ signedTimestamp: stamp.toString('base64') })),
    };
  });
}

const stamped = (at: Date, options?: StampOptions) =>
  withStamps(GOLD, FS.tsa.stamp(signatureOf(GOLD), at, options));

describe('trusted time of a certificate', () => {
  test('A13: without any trusted time a certificate proves nothing', () => {
    const bare = mutated(GOLD, (bundle) => delete bundle.verificationMaterial.timestampVerificationData);
    expect(codeOf(GOLD)).toBe('verified');
    expect(codeOf(bare)).toBe('TIME_UNTRUSTED');
    const nothing = FS.signStatement({ digests: [D], log: 'none', timestamp: false });
    expect(codeOf(nothing)).toBe('TLOG_MISSING');
    // A root that asks for nothing does not do away with it.
    for (const requires of [{ logEntries: 0, timestamps: 0, scts: 0 }, GITHUB]) {
      const context = rootContext(() => {}, requires);
      expect(codeOf(nothing, context)).toBe('TIME_UNTRUSTED');
      expect(codeOf(bare, context)).toBe('TIME_UNTRUSTED');
      expect(codeOf(GOLD, context)).toBe('verified');
    }
  });

  test('A13: a legacy signature whose only time was taken away', () => {
    const good = FS.signSimple({ digest: D, timestamp: true });
    const { 'dev.sigstore.cosign/bundle': _log, ...noLog } = good.annotations;
    const { 'dev.sigstore.cosign/rfc3161timestamp': _time, ...nothing } = noLog;
    expect(codeOf({ ...good, annotations: noLog })).toBe('verified');
    expect(codeOf({ ...good, annotations: nothing })).toBe('TLOG_MISSING');
  });

  test('A14: timestamps at the edges of the certificate’s validity', () => {
    const end = after(GOLD_TIME, 10 * MINUTE);
    expect(codeOf(stamped(GOLD_TIME))).toBe('verified');
    expect(codeOf(stamped(end))).toBe('verified');
    expect(codeOf(stamped(after(GOLD_TIME, -1000)))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped(after(end, 1000)))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped(after(GOLD_TIME, 1440 * MINUTE)))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped(after(GOLD_TIME, -1440 * MINUTE)))).toBe('TIME_UNTRUSTED');
  });

  test('A14: log times at the edges of the certificate’s validity', () => {
    const logged = (at: Date) => FS.signStatement({ digests: [D], leaf, log: 'v1', at });
    const end = after(GOLD_TIME, 10 * MINUTE);
    expect(codeOf(logged(GOLD_TIME))).toBe('verified');
    expect(codeOf(logged(end))).toBe('verified');
    expect(codeOf(logged(after(GOLD_TIME, -1000)))).toBe('TIME_UNTRUSTED');
    expect(codeOf(logged(after(end, 1000)))).toBe('TIME_UNTRUSTED');
  });

  test('A14: one time inside does not excuse another outside', () => {
    const signature = signatureOf(GOLD);
    const [inside, outside] = [
      FS.tsa.stamp(signature, GOLD_TIME),
      FS.tsa.stamp(signature, after(GOLD_TIME, -MINUTE)),
    ];
    expect(codeOf(withStamps(GOLD, inside))).toBe('verified');
    expect(codeOf(withStamps(GOLD, inside, outside))).toBe('TIME_UNTRUSTED');
  });

  test('every trusted time is told, and equal ones are no error', () => {
    const both = FS.signStatement({ digests: [D], log: 'v1', timestamp: true });
    expect(trustedTimes(mustVerify(both))).toEqual([GOLD_TIME.getTime(), GOLD_TIME.getTime()]);
  });
});

describe('RFC 3161 timestamps', () => {
  test('A17: certificates in the bag of a token vouch for nothing', () => {
    const attacker = newKeyPair();
    const twin = makeCertificate({
      subject: distinguishedName('fs TSA'),
      issuer: { name: FS.tsa.issuerName, keys: newKeyPair('P-384') },
      publicKey: attacker.publicKey,
      notBefore: INSTANCE_START,
      notAfter: INSTANCE_END,
      serial: FS.tsa.serial,
      extensions: [],
    });
    const realLeaf = first(FS.tsa.chain);
    expect(codeOf(stamped(GOLD_TIME, { bag: [realLeaf] }))).toBe('verified');
    expect(codeOf(stamped(GOLD_TIME, { keys: attacker, bag: [twin] }))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped(GOLD_TIME, { keys: attacker, bag: [twin, realLeaf] }))).toBe('TIME_UNTRUSTED');
    expect(codeOf(stamped(GOLD_TIME, { keys: attacker, bag: [realLeaf, twin] }))).toBe('TIME_UNTRUSTED');
  });

  test('A17: a token by the key of another authority that is trusted too', () => {
    const other = createTimestampAuthority({
      name: 'other',
      notBefore: INSTANCE_START,
      notAfter: INSTANCE_END,
    });
    const context = rootContext((root) => {
      const authority = structuredClone(first(root.timestampAuthorities));
      authority.certChain.certificates = other.chain.map((der) => ({ rawBytes: der.toString('base64') }));
      root.timestampAuthorities.push(authority);
    });
    const good = withStamps(GOLD, other.stamp(signatureOf(GOLD), GOLD_TIME));
    expect(codeOf(good, context)).toBe('verified');
    expect(codeOf(stamped(GOLD_TIME, { keys: other.keys }), context)).toBe('TIME_UNTRUSTED');
    const [one, two] = [mustVerify(good, context).timestamps, mustVerify(GOLD, context).timestamps];
    expect(one).not.toEqual(two);
  });

  test('A18: the timestamp of another signature', () => {
    const other = FS.signStatement({ digests: [E], leaf });
    const swapped = mutated(GOLD, (bundle) => {
      const data = other.verificationMaterial.timestampVerificationData;
      if (data) bundle.verificationMaterial.timestampVerificationData = data;
    });
    expect(codeOf(GOLD)).toBe('verified');
    expect(codeOf(swapped)).toBe('TIME_UNTRUSTED');
  });

  test('A18: an authority that the root does not name', () => {
    const foreign = FS2.tsa.stamp(signatureOf(GOLD), GOLD_TIME, { bag: FS2.tsa.chain });
    expect(codeOf(GOLD)).toBe('verified');
    expect(codeOf(withStamps(GOLD, foreign))).toBe('TIME_UNTRUSTED');
    const none = rootContext((root) => (root.timestampAuthorities = []));
    expect(codeOf(GOLD, none)).toBe('TIME_UNTRUSTED');
  });

  test('A18: a time outside the period of the authority', () => {
    const period = (start: Date, end: Date) =>
      rootContext((root) => {
        first(root.timestampAuthorities).validFor = { start: start.toISOString(), end: end.toISOString() };
      });
    expect(codeOf(GOLD, period(GOLD_TIME, GOLD_TIME))).toBe('verified');
    expect(codeOf(GOLD, period(INSTANCE_START, after(GOLD_TIME, -1000)))).toBe('TIME_UNTRUSTED');
    expect(codeOf(GOLD, period(after(GOLD_TIME, 1000), INSTANCE_END))).toBe('TIME_UNTRUSTED');
  });

  test('A18: a token that was not granted, altered or cut', () => {
    const token = FS.tsa.stamp(signatureOf(GOLD), GOLD_TIME);
    expect(codeOf(withStamps(GOLD, token))).toBe('verified');
    expect(codeOf(stamped(GOLD_TIME, { status: 1 }))).toBe('verified');
    for (const status of [2, 3, 5]) expect(codeOf(stamped(GOLD_TIME, { status }))).toBe('TIME_UNTRUSTED');
    for (const bad of [
      Buffer.from(flipped(token.toString('base64')), 'base64'),
      token.subarray(0, -1),
      Buffer.concat([token, Buffer.of(0)]),
      Buffer.from('junk'),
      Buffer.of(0x30, 0x00),
    ]) {
      expect(codeOf(withStamps(GOLD, bad))).toBe('TIME_UNTRUSTED');
    }
  });
});
