import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import type { BundleJson } from '../support/fixtures.ts';
import { codeOf, D, E, first, FS, keyContext, mutated, newKey } from './support.ts';

const GOLD = FS.signStatement({ digests: [D], log: 'v1', timestamp: true });
const GOLD_TEXT = JSON.stringify(GOLD);
const envelopeOf = (bundle: BundleJson) =>
  first(bundle.dsseEnvelope === undefined ? [] : [bundle.dsseEnvelope]);
/** For keys and values that the type of a good bundle has no room for. */
const anyOf = (value: unknown) => value as Record<string, unknown>;

test('the good bundle verifies in every version', () => {
  for (const type of [
    'application/vnd.dev.sigstore.bundle+json;version=0.1',
    'application/vnd.dev.sigstore.bundle+json;version=0.2',
    'application/vnd.dev.sigstore.bundle+json;version=0.3',
    'application/vnd.dev.sigstore.bundle.v0.3+json',
  ]) {
    expect(codeOf(mutated(GOLD, (bundle) => (bundle.mediaType = type)))).toBe('verified');
  }
  const chained = mutated(GOLD, (bundle) => {
    const { verificationMaterial: material } = bundle;
    const rawBytes = material.certificate?.rawBytes ?? '';
    delete material.certificate;
    material.x509CertificateChain = { certificates: [{ rawBytes }] };
    bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  });
  expect(codeOf(chained)).toBe('verified');
  expect(codeOf({ ...chained, mediaType: GOLD.mediaType })).toBe('MALFORMED');
});

describe('proofs of Rekor v1 in each version', () => {
  const versions = [
    ['application/vnd.dev.sigstore.bundle+json;version=0.1', 'promise'],
    ['application/vnd.dev.sigstore.bundle+json;version=0.2', 'proof'],
    ['application/vnd.dev.sigstore.bundle.v0.3+json', 'proof'],
  ] as const;
  const kinds = ['hashedrekord', 'dsse', 'intoto'] as const;

  test.each(versions.flatMap(([type, needed]) => kinds.map((kind) => [type, kind, needed] as const)))(
    'A5: %s with an entry of kind %s needs the %s',
    (mediaType, entryKind, needed) => {
      const both = {
        ...FS.signStatement({ digests: [D], log: 'v1', entryKind, timestamp: true }),
        mediaType,
      };
      const without = (field: 'inclusionPromise' | 'inclusionProof') =>
        mutated(both, ({ verificationMaterial }) => delete first(verificationMaterial.tlogEntries)[field]);
      expect(codeOf(both)).toBe('verified');
      expect(codeOf(without('inclusionProof'))).toBe(needed === 'promise' ? 'verified' : 'TLOG_MISSING');
      expect(codeOf(without('inclusionPromise'))).toBe(needed === 'proof' ? 'verified' : 'TLOG_MISSING');
    },
  );
});

describe('DSSE envelopes', () => {
  test('A26: a payload type that was changed after signing', () => {
    const { payloadType } = envelopeOf(GOLD);
    // U+0161 has the low byte of "a".
    const wide = payloadType.replace(/a/g, '\u0161');
    const typed = (type: unknown) =>
      mutated(GOLD, (bundle) => (anyOf(envelopeOf(bundle))['payloadType'] = type));
    expect(codeOf(typed(payloadType))).toBe('verified');
    expect(codeOf(typed(wide))).toBe('SIG_INVALID');
    expect(codeOf(typed(`${payloadType}\u00e9`))).toBe('SIG_INVALID');
    expect(codeOf(typed(''))).toBe('SIG_INVALID');
    expect(codeOf(typed('application/vnd.in-toto+JSON'))).toBe('UNSUPPORTED');
    expect(codeOf(typed('application/json'))).toBe('UNSUPPORTED');
    expect(codeOf(typed(7))).toBe('MALFORMED');
  });

  test('A27: not exactly one signature, or one over something else', () => {
    const signed = first(envelopeOf(GOLD).signatures);
    const withSignatures = (...signatures: unknown[]) =>
      mutated(GOLD, (bundle) => (anyOf(envelopeOf(bundle))['signatures'] = signatures));
    expect(codeOf(withSignatures(signed))).toBe('verified');
    expect(codeOf(withSignatures())).toBe('SIG_INVALID');
    expect(codeOf(withSignatures(signed, signed))).toBe('SIG_INVALID');
    expect(codeOf(withSignatures({ sig: 'AAAA' }, signed))).toBe('SIG_INVALID');
    expect(codeOf(withSignatures({ sig: '' }, signed))).toBe('SIG_INVALID');
    expect(codeOf(withSignatures({ sig: 'AAAA' }))).toBe('SIG_INVALID');
    expect(codeOf(withSignatures({ sig: '' }))).toBe('MALFORMED');
    expect(codeOf(mutated(GOLD, (bundle) => (anyOf(envelopeOf(bundle))['signatures'] = null)))).toBe(
      'SIG_INVALID',
    );
  });

  test('A27: a signature over the raw payload instead of its pre-authentication encoding', () => {
    const key = newKey();
    const good = FS.signStatement({ digests: [D], key, log: 'none', timestamp: false });
    const payload = Buffer.from(envelopeOf(good).payload, 'base64');
    const raw = FS.signManifest({ manifest: payload, key, log: 'none', timestamp: false });
    const bad = mutated(good, (bundle) => {
      first(envelopeOf(bundle).signatures).sig = raw.messageSignature?.signature ?? '';
    });
    expect(codeOf(good, keyContext(key))).toBe('verified');
    expect(codeOf(bad, keyContext(key))).toBe('SIG_INVALID');
  });

  test('A24: another payload under the same signature', () => {
    const other = FS.signStatement({ digests: [E] });
    const bad = mutated(GOLD, (bundle) => (envelopeOf(bundle).payload = envelopeOf(other).payload));
    expect(codeOf(GOLD)).toBe('verified');
    expect(codeOf(bad)).toBe('SIG_INVALID');
  });
});

describe('two readers of one bundle', () => {
  test('A28: both members of a union', () => {
    const message = FS.signManifest({ manifest: Buffer.from('{}') });
    const bothContents = { ...GOLD, messageSignature: message.messageSignature };
    const bothSigners = mutated(GOLD, (bundle) => (bundle.verificationMaterial.publicKey = { hint: 'x' }));
    const neither = mutated(GOLD, (bundle) => delete bundle.verificationMaterial.certificate);
    const { dsseEnvelope: _envelope, ...noContent } = GOLD;
    const { verificationMaterial: _material, ...noMaterial } = GOLD;
    expect(codeOf({ ...GOLD, messageSignature: null })).toBe('verified');
    for (const bad of [bothContents, bothSigners, neither, noContent, noMaterial]) {
      expect(codeOf(bad)).toBe('MALFORMED');
    }
  });

  test('A28: the same field in another spelling', () => {
    expect(codeOf({ ...GOLD, somethingNew: 1 })).toBe('verified');
    for (const key of [
      'dsse_envelope',
      'DsseEnvelope',
      'media_type',
      'message_signature',
      'verification_material',
    ]) {
      expect(codeOf({ ...GOLD, [key]: null })).toBe('MALFORMED');
    }
    const inner = mutated(GOLD, (bundle) => (anyOf(bundle.verificationMaterial)['tlog_entries'] = []));
    const entry = mutated(GOLD, (bundle) => {
      anyOf(first(bundle.verificationMaterial.tlogEntries))['canonicalized_body'] = '';
    });
    expect(codeOf(inner)).toBe('MALFORMED');
    expect(codeOf(entry)).toBe('MALFORMED');
  });

  test('A28: the same key twice', () => {
    expect(codeOf(GOLD_TEXT)).toBe('verified');
    expect(codeOf(GOLD_TEXT.replace('{', `{"mediaType":"${GOLD.mediaType}",`))).toBe('MALFORMED');
    expect(codeOf(GOLD_TEXT.replace('{', `{"media\\u0054ype":"${GOLD.mediaType}",`))).toBe('MALFORMED');
    expect(codeOf(GOLD_TEXT.replace('"sig":', '"sig":"AAAA","sig":'))).toBe('MALFORMED');
  });

  test('A29: media types that only look like ours', () => {
    for (const type of [
      'application/vnd.dev.sigstore.bundle.v9.9+json',
      'application/vnd.dev.sigstore.bundle.v0.3+json;x',
      'application/vnd.dev.sigstore.bundle+json;version=0.3;x',
      'application/vnd.dev.sigstore.bundle+json;version=0.4',
      ' application/vnd.dev.sigstore.bundle.v0.3+json',
      'Application/vnd.dev.sigstore.bundle.v0.3+json',
      '',
      null,
      undefined,
      [GOLD.mediaType],
      3,
    ]) {
      expect(codeOf({ ...GOLD, mediaType: type })).toBe('MALFORMED');
    }
  });

  test('A29: documents that are no bundle', () => {
    expect(codeOf(GOLD_TEXT)).toBe('verified');
    expect(codeOf(` ${GOLD_TEXT}\n`)).toBe('verified');
    for (const text of [
      GOLD_TEXT.slice(0, -1),
      `${GOLD_TEXT}x`,
      `${GOLD_TEXT}{}`,
      `\ufeff${GOLD_TEXT}`,
      '',
      'null',
      '[]',
      '"x"',
      '{}',
      `[${GOLD_TEXT}]`,
    ]) {
      expect(codeOf(text)).toBe('MALFORMED');
    }
    expect(
      codeOf(Buffer.concat([Buffer.from(GOLD_TEXT.slice(0, -1)), Buffer.from(',"x":"\xff"}', 'latin1')])),
    ).toBe('MALFORMED');
    for (const [from, to] of [
      ['"rawBytes":"', '"rawBytes":"!'],
      ['"sig":"', '"sig":" '],
      ['"keyId":"', '"keyId":"-+'],
    ] as const) {
      expect(codeOf(GOLD_TEXT.replace(from, to))).toBe('MALFORMED');
    }
  });
});

describe('F8: counts, sizes and depth', () => {
  const material = (change: (verificationMaterial: BundleJson['verificationMaterial']) => void) =>
    mutated(GOLD, (bundle) => change(bundle.verificationMaterial));
  const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

  test('F8: log entries, timestamps, hashes, chain', () => {
    const entry = first(GOLD.verificationMaterial.tlogEntries);
    const stamp = first(GOLD.verificationMaterial.timestampVerificationData?.rfc3161Timestamps);
    const proof = first(entry.inclusionProof === undefined ? [] : [entry.inclusionProof]);
    const certificate = first(
      GOLD.verificationMaterial.certificate === undefined ? [] : [GOLD.verificationMaterial.certificate],
    );
    expect(codeOf(material((m) => (m.tlogEntries = times(LIMITS.logEntries, entry))))).toBe('verified');
    for (const bad of [
      material((m) => (m.tlogEntries = times(LIMITS.logEntries + 1, entry))),
      material((m) => (m.tlogEntries = times(2000, entry))),
      material((m) => {
        m.timestampVerificationData = { rfc3161Timestamps: times(LIMITS.timestamps + 1, stamp) };
      }),
      material((m) => {
        m.tlogEntries = [{ ...entry, inclusionProof: { ...proof, hashes: times(65, first(proof.hashes)) } }];
      }),
      material((m) => {
        delete m.certificate;
        m.x509CertificateChain = { certificates: times(LIMITS.chainCertificates + 1, certificate) };
      }),
    ]) {
      expect(codeOf(bad)).toBe('LIMIT');
    }
  });

  test('F8: sizes', () => {
    const base64 = (bytes: number) => Buffer.alloc(bytes, 0x30).toString('base64');
    const entry = first(GOLD.verificationMaterial.tlogEntries);
    for (const bad of [
      material((m) => (m.certificate = { rawBytes: base64(LIMITS.certificateBytes + 1) })),
      material((m) => {
        const signedTimestamp = base64(LIMITS.timestampBytes + 1);
        m.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] };
      }),
      material((m) => {
        const checkpoint = { envelope: 'x'.repeat(LIMITS.checkpointBytes + 1) };
        const { inclusionProof = undefined } = entry;
        m.tlogEntries =
          inclusionProof === undefined
            ? []
            : [{ ...entry, inclusionProof: { ...inclusionProof, checkpoint } }];
      }),
      mutated(GOLD, (bundle) => (first(envelopeOf(bundle).signatures).sig = base64(5000))),
      Buffer.alloc(LIMITS.attestationBytes + 1, 0x20),
      `{"a":${'['.repeat(100)}${']'.repeat(100)}}`,
    ]) {
      expect(codeOf(bad)).toBe('LIMIT');
    }
  });

  test('F8: a statement of 5 MB fits, and more subjects than the limit do not', () => {
    const key = newKey();
    const sign = (count: number, predicate: unknown) =>
      FS.signStatement({ digests: times(count, D), predicate, key, log: 'none', timestamp: false });
    expect(codeOf(sign(LIMITS.subjects, {}), keyContext(key))).toBe('verified');
    expect(codeOf(sign(LIMITS.subjects + 1, {}), keyContext(key))).toBe('LIMIT');
    expect(codeOf(sign(1, 'x'.repeat(5_000_000)), keyContext(key))).toBe('verified');
  });
});
