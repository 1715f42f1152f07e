import { describe, expect, test } from '@jest/globals';
import { parsePublicKey } from '../../src/sigstore/public-key.ts';
import { evidenceKey, type TrustContext } from '../../src/sigstore/verify.ts';
import {
  basicConstraints,
  EKU_SERVER_AUTH,
  extension,
  newKeyPair,
  spki,
} from '../support/fixtures-certificates.ts';
import { octets } from '../support/fixtures-der.ts';
import { pem } from '../support/fixtures-logs.ts';
import {
  after,
  bundleEvidence,
  GOLD_TIME,
  publicKeyPem,
  type Leaf,
  type LeafOptions,
} from '../support/fixtures.ts';
import { codeOf, D, E, FS, FS2, keyContext, mustVerify, newKey, ROOT } from './support.ts';

/** A key that the policy names by its certificate, which no authority that we trust has issued. */
const key = newKey();
const MINUTE = 60_000;
const YEAR = 365 * 1440 * MINUTE;
const LONG = {
  keys: key,
  notBefore: after(GOLD_TIME, -YEAR),
  notAfter: after(GOLD_TIME, YEAR),
  issuer: null,
};
const leaf = FS2.issue(LONG);

function contextOf({ der }: Leaf, root: TrustContext['root'] = ROOT.root): TrustContext & { kind: 'key' } {
  return { kind: 'key', key: parsePublicKey(pem('CERTIFICATE', der)), root };
}

const formsBy = (
  by: Pick<Parameters<typeof FS.signStatement>[0], 'leaf' | 'key' | 'at' | 'log' | 'timestamp'>,
) => {
  const { log, ...rest } = by;
  const legacy = log === 'v2' ? {} : { ...(log && { log }) };
  return [
    FS.signStatement({ digests: [D], ...by }),
    FS.signSimple({ digest: D, ...rest, ...legacy }),
    FS.signEnvelope({ digests: [D], ...rest, ...legacy }),
  ];
};

test('the key of a certificate has the fingerprint of the bare key', () => {
  const { key: known } = contextOf(leaf);
  expect(known.fingerprint).toBe(parsePublicKey(publicKeyPem(key)).fingerprint);
  expect(known).toMatchObject({
    type: 'ecdsa-p256',
    certificate: leaf.der,
    validity: { notBefore: LONG.notBefore.getTime(), notAfter: LONG.notAfter.getTime() },
    spki: spki(key.publicKey),
  });
  const bare = parsePublicKey(publicKeyPem(key));
  expect([bare.certificate, bare.validity]).toEqual([undefined, undefined]);
});

describe('A33: what a signature may carry', () => {
  test('A33: no certificate, or the one that is trusted', () => {
    for (const evidence of [...formsBy({ leaf }), ...formsBy({ key })]) {
      const verified = mustVerify(evidence, contextOf(leaf));
      expect(verified.signer).toEqual({ kind: 'key', fingerprint: contextOf(leaf).key.fingerprint });
      expect(verified.log.state).toBe('valid');
    }
  });

  test('A33: another certificate of the same key, of another key, or any for a bare key', () => {
    const renewed = FS2.issue(LONG);
    expect(renewed.der).not.toEqual(leaf.der);
    for (const evidence of formsBy({ leaf: renewed })) {
      expect(codeOf(evidence, contextOf(renewed))).toBe('verified');
      expect(codeOf(evidence, contextOf(leaf))).toBe('SIG_INVALID');
      expect(codeOf(evidence, keyContext(key))).toBe('SIG_INVALID');
    }
    for (const evidence of formsBy({ leaf: FS.issue() })) {
      expect(codeOf(evidence, ROOT)).toBe('verified');
      expect(codeOf(evidence, contextOf(leaf))).toBe('SIG_INVALID');
    }
    for (const evidence of formsBy({ key: newKey() })) {
      expect(codeOf(evidence, contextOf(leaf))).toBe('SIG_INVALID');
    }
  });

  test('A33: the certificate on another’s signature', () => {
    const stranger = newKey();
    for (const evidence of formsBy({ leaf: { der: leaf.der, keys: stranger } })) {
      expect(codeOf(evidence, contextOf(leaf))).toBe('SIG_INVALID');
    }
  });

  test('A2: the log entry names what the signature carries', () => {
    const [deterministic, certified] = [newKeyPair('ed25519'), { ...LONG, hash: null }];
    const pinned = FS2.issue({ ...certified, keys: deterministic });
    const other = FS2.issue({ ...certified, keys: deterministic });
    const signed = (by: { leaf: Leaf } | { key: typeof deterministic }) =>
      FS.signSimple({ digest: D, hash: null, ...by });
    const withEntryOf = (donor: ReturnType<typeof signed>) => {
      const good = signed({ leaf: pinned });
      const bundle = donor.annotations['dev.sigstore.cosign/bundle'] ?? '';
      return { ...good, annotations: { ...good.annotations, 'dev.sigstore.cosign/bundle': bundle } };
    };
    const logOf = (donor: ReturnType<typeof signed>) => mustVerify(withEntryOf(donor), contextOf(pinned)).log;
    expect(logOf(signed({ leaf: pinned }))).toMatchObject({ state: 'valid' });
    for (const donor of [signed({ leaf: other }), signed({ key: deterministic })]) {
      expect(logOf(donor)).toMatchObject({ state: 'invalid', code: 'TLOG_MISMATCH' });
    }
  });
});

describe('A16: the validity of the certificate', () => {
  test('A16: a trusted time outside it, whether or not the signature carries it', () => {
    const short = FS2.issue({ ...LONG, notBefore: GOLD_TIME, notAfter: after(GOLD_TIME, MINUTE) });
    for (const by of [{ leaf: short }, { key }] as const) {
      for (const log of ['v1', 'v2'] as const) {
        for (const at of [GOLD_TIME, after(GOLD_TIME, MINUTE)]) {
          for (const good of formsBy({ ...by, log, at }))
            expect(codeOf(good, contextOf(short))).toBe('verified');
        }
        for (const at of [after(GOLD_TIME, -1000), after(GOLD_TIME, MINUTE + 1000)]) {
          for (const bad of formsBy({ ...by, log, at })) {
            expect(codeOf(bad, contextOf(short))).toBe('TIME_UNTRUSTED');
            if (!('leaf' in by)) expect(codeOf(bad, keyContext(key))).toBe('verified');
          }
        }
      }
    }
  });

  test('A16: without a trusted time there is nothing to hold against it here: the policy asks for now', () => {
    for (const evidence of formsBy({ leaf, log: 'none', timestamp: false })) {
      expect(mustVerify(evidence, contextOf(leaf))).toMatchObject({
        log: { state: 'absent' },
        timestamps: { state: 'absent' },
      });
    }
  });
});

test('A22: certificates that must not sign are no keys', () => {
  const read = (options: LeafOptions) => () => contextOf(FS2.issue({ ...LONG, ...options }));
  expect(read({})).not.toThrow();
  // Whoever trusts it names it whole: it needs no name.
  expect(read({ names: [] })).not.toThrow();
  for (const options of [
    { purposes: [EKU_SERVER_AUTH] },
    { purposes: ['2.5.29.37.0'] },
    { purposes: [] },
    { extraExtensions: [basicConstraints(true)] },
    { extraExtensions: [extension('1.2.3.4', octets(Buffer.from('x')), true)] },
  ]) {
    expect(read(options)).toThrow(expect.objectContaining({ code: 'CERT_INVALID' }));
  }
});

test('facts of a key and of its certificate are not mixed up', () => {
  const evidence = bundleEvidence(FS.signStatement({ digests: [E], key }));
  const keys = [contextOf(leaf), contextOf(FS2.issue(LONG)), keyContext(key)].map((context) =>
    evidenceKey(evidence, context),
  );
  expect(new Set(keys).size).toBe(3);
  expect(evidenceKey(evidence, contextOf(leaf))).toBe(keys[0]);
});
