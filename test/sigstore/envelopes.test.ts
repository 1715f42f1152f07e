import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import type { EnvelopeEvidence } from '../../src/sigstore/evidence.ts';
import { isRefused, verifyEvidence } from '../../src/sigstore/verify.ts';
import { sha256 } from '../support/fixtures-certificates.ts';
import { GOLD_TIME, logBundle, type BundleJson, type EnvelopeOptions } from '../support/fixtures.ts';
import {
  asEvidence,
  codeOf,
  D,
  E,
  first,
  FS,
  keyContext,
  mustVerify,
  mutated,
  newKey,
  ROOT,
} from './support.ts';

const PROVENANCE = 'https://slsa.dev/provenance/v1';
const LOG_BUNDLE = 'dev.sigstore.cosign/bundle';
const attest = (options: Partial<EnvelopeOptions> = {}) =>
  FS.signEnvelope({ digests: [D], predicateType: PROVENANCE, ...options });
const GOLD = attest({ timestamp: true });

const annotated = (evidence: EnvelopeEvidence, name: string, value: string): EnvelopeEvidence => ({
  ...evidence,
  annotations: { ...evidence.annotations, [name]: value },
});
const withText = (envelope: string): EnvelopeEvidence => ({ ...GOLD, envelope: Buffer.from(envelope) });
const TEXT = Buffer.from(GOLD.envelope).toString();

describe('attestations of cosign 1 and 2', () => {
  test.each(['hashedrekord', 'dsse', 'intoto', 'intoto/0.0.1'] as const)(
    'verify with a log entry of kind %s, keyless and by a key',
    (entryKind) => {
      expect(mustVerify(attest({ entryKind }))).toMatchObject({
        content: { kind: 'attestation', predicateType: PROVENANCE },
        digests: [D],
        log: {
          state: 'valid',
          proofs: [{ logId: FS.logV1.logId.toString('hex'), integratedAt: GOLD_TIME.getTime() }],
        },
        timestamps: { state: 'absent' },
      });
      const key = newKey();
      expect(mustVerify(attest({ entryKind, key }), keyContext(key))).toMatchObject({
        signer: { kind: 'key' },
        log: { state: 'valid' },
      });
    },
  );

  test.each(['envelope', 'signature'] as const)('with a timestamp over the %s', (stampOver) => {
    const stamped = attest({ log: 'none', timestamp: true, stampOver });
    expect(mustVerify(stamped)).toMatchObject({
      log: { state: 'absent' },
      timestamps: { state: 'valid', proofs: [{ signedAt: GOLD_TIME.getTime() }] },
    });
    const other = attest({ digests: [E], log: 'none', timestamp: true, stampOver });
    const name = 'dev.sigstore.cosign/rfc3161timestamp';
    expect(codeOf(annotated(stamped, name, other.annotations[name] ?? ''))).toBe('TIME_UNTRUSTED');
  });

  test('a bundle’s timestamp is over the signature only', () => {
    const good = FS.signStatement({ digests: [D], log: 'none' });
    const bytes = Buffer.from(JSON.stringify(good.dsseEnvelope));
    const bad = mutated(good, ({ verificationMaterial }) => {
      const signedTimestamp = FS.tsa.stamp(bytes, GOLD_TIME).toString('base64');
      verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] };
    });
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(bad)).toBe('TIME_UNTRUSTED');
  });

  test('a cosign/sign/v1 statement in an envelope is a signature as in a bundle', () => {
    expect(mustVerify(FS.signEnvelope({ digests: [D] })).content).toEqual({
      kind: 'signature',
      form: 'statement',
    });
    const fact = verifyEvidence(attest({ key: newKey() }), ROOT);
    expect(isRefused(fact) && fact.claims).toBe('attestation');
  });

  test('annotations that verification does not read change nothing', () => {
    for (const name of ['dev.cosignproject.cosign/signature', 'predicateType', 'other']) {
      expect(mustVerify(annotated(GOLD, name, 'junk'))).toEqual(mustVerify(GOLD));
    }
  });
});

describe('envelopes with several signatures', () => {
  interface Signature {
    readonly keyid?: string;
    readonly sig?: string;
  }
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: D.slice('sha256:'.length) } }],
    predicateType: PROVENANCE,
    predicate: {},
  };
  const bare = { statement, log: 'none', timestamp: false } as const;
  const jsonOf = ({ envelope }: EnvelopeEvidence) =>
    JSON.parse(Buffer.from(envelope).toString()) as { signatures: Signature[] };
  const signatureOf = (evidence: EnvelopeEvidence) => first(jsonOf(evidence).signatures);
  const withSignatures = (evidence: EnvelopeEvidence, ...signatures: readonly unknown[]) => ({
    ...evidence,
    envelope: Buffer.from(JSON.stringify({ ...jsonOf(evidence), signatures })),
  });
  const [one, two, stranger] = [newKey(), newKey(), newKey()];
  const [byOne, byTwo, byStranger] = [one, two, stranger].map((key) => signatureOf(attest({ ...bare, key })));
  const base = attest({ ...bare, key: one });
  const JUNK = { sig: Buffer.alloc(70, 1).toString('base64') };

  test('A27: any one of a trusted key counts, wherever it is in the list, and the fact says which', () => {
    const both = withSignatures(base, byStranger, byOne, byTwo);
    expect(mustVerify(both, keyContext(one))).toMatchObject({ signatureNumber: 2, digests: [D] });
    expect(mustVerify(both, keyContext(two))).toMatchObject({ signatureNumber: 3, digests: [D] });
    expect(codeOf(both, keyContext(newKey()))).toBe('SIG_INVALID');
    expect(codeOf(withSignatures(base, byStranger, byTwo), keyContext(one))).toBe('SIG_INVALID');
    expect(mustVerify(withSignatures(base, byOne), keyContext(one))).not.toHaveProperty('signatureNumber');
  });

  test('A27: bad ones in the list change nothing, and key identifiers choose nothing', () => {
    const named = { ...byOne, keyid: 'two' };
    for (const others of [
      [JUNK, byOne],
      [byOne, JUNK],
      [{ sig: '' }, {}, byOne],
      [byOne, byOne],
      [{ ...byTwo, keyid: 'one' }, named],
      [{ ...JUNK, keyid: 'two' }, named],
    ]) {
      expect(codeOf(withSignatures(base, ...others), keyContext(one))).toBe('verified');
      // The same without the one that counts.
      const without = others.filter((each) => each !== byOne && each !== named);
      expect(codeOf(withSignatures(base, ...without, JUNK), keyContext(one))).toBe('SIG_INVALID');
    }
  });

  test('F8: eight at most', () => {
    const many = (count: number) => withSignatures(base, ...Array.from({ length: count }, () => JUNK), byOne);
    expect(codeOf(many(7), keyContext(one))).toBe('verified');
    expect(codeOf(many(8), keyContext(one))).toBe('LIMIT');
  });

  test('A1: the log entry is of the signature that verified', () => {
    const leaf = FS.issue();
    const [logged, again] = [attest({ statement, leaf }), attest({ statement, leaf })];
    const { signatures } = jsonOf(logged);
    expect(mustVerify(withSignatures(logged, byStranger, ...signatures))).toMatchObject({
      signatureNumber: 2,
      log: { state: 'valid' },
    });
    // Another signature of the same key does not hide the one that was logged.
    expect(mustVerify(withSignatures(logged, signatureOf(again), ...signatures))).toMatchObject({
      signatureNumber: 2,
    });
    expect(codeOf(withSignatures(logged, signatureOf(again)))).toBe('TLOG_MISMATCH');
    expect(codeOf(withSignatures(logged, byStranger, signatureOf(again)))).toBe('TLOG_MISMATCH');
    expect(codeOf(withSignatures(logged, byStranger))).toBe('SIG_INVALID');
  });

  test('A1: with a pinned key the entry of a stranger’s signature in the envelope is reported, not believed', () => {
    const mine = attest({ statement, key: one });
    const theirs = attest({ statement, key: stranger });
    const signedByBoth = (evidence: EnvelopeEvidence) =>
      withSignatures(evidence, signatureOf(theirs), signatureOf(mine));
    expect(mustVerify(signedByBoth(mine), keyContext(one)).log.state).toBe('valid');
    expect(mustVerify(signedByBoth(theirs), keyContext(one)).log).toMatchObject({
      state: 'invalid',
      code: 'TLOG_MISMATCH',
    });
  });

  test('a bundle holds the proofs of one signature, and therefore one', () => {
    const bundle = FS.signStatement({ digests: [D], key: one });
    const added = mutated(bundle, ({ dsseEnvelope }) => dsseEnvelope?.signatures.push({ sig: JUNK.sig }));
    expect(codeOf(bundle, keyContext(one))).toBe('verified');
    expect(codeOf(added, keyContext(one))).toBe('SIG_INVALID');
  });
});

describe('envelopes that are none', () => {
  test('A26: a payload type that was changed after signing', () => {
    const typed = (type: string) => withText(TEXT.replace('application/vnd.in-toto+json', type));
    expect(codeOf(withText(TEXT))).toBe('verified');
    expect(codeOf(typed('applic\u0161tion/vnd.in-toto+json'))).toBe('SIG_INVALID');
    expect(codeOf(typed(''))).toBe('SIG_INVALID');
    expect(codeOf(typed('application/vnd.in-toto+JSON'))).toBe('UNSUPPORTED');
    expect(codeOf(typed('application/json'))).toBe('UNSUPPORTED');
  });

  test('A27: no signature, or none over this payload', () => {
    const json = JSON.parse(TEXT) as { payload: string; signatures: unknown[] };
    const signed = (...signatures: unknown[]) => withText(JSON.stringify({ ...json, signatures }));
    const [signature] = json.signatures;
    expect(codeOf(signed(signature))).toBe('verified');
    for (const signatures of [[], [{ sig: 'AAAA' }], [{ sig: 'AAAA' }, { sig: 'AAAA' }]]) {
      expect(codeOf(signed(...signatures))).toBe('SIG_INVALID');
    }
    // Its timestamp is over the envelope as it was.
    expect(codeOf(signed({ sig: 'AAAA' }, signature))).toBe('TIME_UNTRUSTED');
    for (const bad of [{ sig: '' }, {}, null, 'x']) expect(codeOf(signed(bad))).toBe('MALFORMED');
    const other = JSON.parse(Buffer.from(attest({ digests: [E] }).envelope).toString()) as {
      payload: string;
    };
    expect(codeOf(withText(TEXT.replace(json.payload, other.payload)))).toBe('SIG_INVALID');
  });

  test('A28: the same field twice, or in another spelling', () => {
    expect(codeOf(withText(TEXT.replace('{', '{"other":1,')))).not.toBe('MALFORMED');
    for (const text of [
      TEXT.replace('{', '{"payload":"e30=",'),
      TEXT.replace('{', '{"Payload":"e30=",'),
      TEXT.replace('{', '{"payload_type":"x",'),
      TEXT.replace('"sig"', '"sig":"AAAA","sig"'),
    ]) {
      expect(codeOf(withText(text))).toBe('MALFORMED');
    }
  });

  test('A29, B19: documents of another shape', () => {
    expect(codeOf(withText(TEXT))).toBe('verified');
    for (const text of [
      TEXT.slice(0, -1),
      `${TEXT}x`,
      `\ufeff${TEXT}`,
      '',
      'null',
      '[]',
      '"x"',
      `[${TEXT}]`,
    ]) {
      expect(codeOf(withText(text))).toBe('MALFORMED');
    }
    expect(codeOf(withText('{}'))).toBe('SIG_INVALID');
    expect(codeOf({ ...GOLD, envelope: Buffer.alloc(LIMITS.attestationBytes + 1, 0x20) })).toBe('LIMIT');
    expect(codeOf(withText(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`))).toBe('LIMIT');
  });
});

describe('intoto 0.0.1 entries', () => {
  const old = { entryKind: 'intoto/0.0.1', log: 'v1' } as const;
  const good = attest(old);
  const bodyOf = (evidence: EnvelopeEvidence) => {
    const { Payload } = JSON.parse(evidence.annotations[LOG_BUNDLE] ?? '') as { Payload: { body: string } };
    return JSON.parse(Buffer.from(Payload.body, 'base64').toString());
  };
  /** The same entry with another body, promised by the log all the same. */
  const rebodied = (change: (body: ReturnType<typeof bodyOf>) => void) => {
    const body = bodyOf(good);
    change(body);
    const entry = FS.logV1.append(
      {
        signature: Buffer.of(),
        signedDigest: Buffer.of(),
        payloadDigest: Buffer.of(),
        signer: { kind: 'key', der: Buffer.of() },
      },
      'dsse',
      GOLD_TIME,
    );
    entry.canonicalizedBody = Buffer.from(JSON.stringify(body)).toString('base64');
    entry.inclusionPromise = { signedEntryTimestamp: FS.logV1.promise(entry) };
    return annotated(good, LOG_BUNDLE, logBundle(entry));
  };

  test('A1: one about another envelope or payload', () => {
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(rebodied(() => {}))).toBe('verified');
    const other = attest({ ...old, digests: [E] });
    expect(codeOf(annotated(good, LOG_BUNDLE, other.annotations[LOG_BUNDLE] ?? ''))).toBe('TLOG_MISMATCH');
    const digest = sha256(Buffer.from('other')).toString('hex');
    for (const change of [
      (body: ReturnType<typeof bodyOf>) => (body.spec.content.hash.value = digest),
      (body: ReturnType<typeof bodyOf>) => (body.spec.content.payloadHash.value = digest),
      (body: ReturnType<typeof bodyOf>) => (body.spec.content.hash = bodyOf(good).spec.content.payloadHash),
      (body: ReturnType<typeof bodyOf>) => (body.spec.content.hash.algorithm = 'sha512'),
      (body: ReturnType<typeof bodyOf>) => (body.spec.content.hash.value = ''),
      (body: ReturnType<typeof bodyOf>) => delete body.spec.content.payloadHash,
      (body: ReturnType<typeof bodyOf>) => delete body.spec.content,
      (body: ReturnType<typeof bodyOf>) => (body.spec = null),
    ]) {
      expect(codeOf(rebodied(change))).toBe('TLOG_MISMATCH');
    }
  });

  test('A1: another signature over the same payload has another envelope', () => {
    const leaf = FS.issue();
    const [one, two] = [attest({ ...old, leaf }), attest({ ...old, leaf })];
    expect(codeOf(one)).toBe('verified');
    expect(codeOf(annotated(one, LOG_BUNDLE, two.annotations[LOG_BUNDLE] ?? ''))).toBe('TLOG_MISMATCH');
  });

  test('A2: one that names another certificate or none', () => {
    const named = bodyOf(attest({ ...old, leaf: FS.issue() })).spec.publicKey as string;
    expect(codeOf(rebodied((body) => (body.spec.publicKey = named)))).toBe('TLOG_MISMATCH');
    expect(codeOf(rebodied((body) => delete body.spec.publicKey))).toBe('TLOG_MISMATCH');
  });

  test('A4: a promise that the log did not make', () => {
    const text = good.annotations[LOG_BUNDLE] ?? '';
    const later = text.replace(
      /"integratedTime":(\d+)/,
      (_all, time) => `"integratedTime":${Number(time) + 1}`,
    );
    const elsewhere = text.replace(/"logIndex":(\d+)/, (_all, index) => `"logIndex":${Number(index) + 1}`);
    const empty = text.replace(/"SignedEntryTimestamp":"[^"]+"/, '"SignedEntryTimestamp":""');
    for (const bad of [later, elsewhere, empty]) {
      expect(bad).not.toBe(text);
      expect(codeOf(annotated(good, LOG_BUNDLE, bad))).toBe('TLOG_INVALID');
    }
  });

  const bundled = (change: (bundle: BundleJson) => void = () => {}) => {
    const made = FS.signStatement({ digests: [D], ...old });
    return mutated(made, (bundle) => {
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      delete first(bundle.verificationMaterial.tlogEntries).inclusionProof;
      change(bundle);
    });
  };

  test('in bundles 0.1, with the promise alone and with a proof beside it', () => {
    expect(mustVerify(bundled()).log.state).toBe('valid');
    const both = FS.signStatement({ digests: [D], ...old });
    expect(codeOf(both)).toBe('verified');
    const badProof = mutated(both, ({ verificationMaterial }) => {
      const { inclusionProof } = first(verificationMaterial.tlogEntries);
      inclusionProof?.hashes.pop();
    });
    expect(codeOf(badProof)).toBe('TLOG_INVALID');
    // The promise is what counts: without it the body is not looked at.
    const proofOnly = mutated(
      FS.signStatement({ digests: [D], ...old, timestamp: true }),
      ({ verificationMaterial }) => delete first(verificationMaterial.tlogEntries).inclusionPromise,
    );
    expect(codeOf(proofOnly)).toBe('TLOG_MISSING');
  });

  test('A4: in bundles too the promise must be of the log', () => {
    expect(codeOf(bundled())).toBe('verified');
    const bad = bundled(({ verificationMaterial }) => {
      const entry = first(verificationMaterial.tlogEntries);
      entry.integratedTime = String(Number(entry.integratedTime) + 1);
    });
    expect(codeOf(bad)).toBe('TLOG_INVALID');
    expect(
      codeOf(
        asEvidence(
          bundled(({ dsseEnvelope }) => {
            const signature = first(dsseEnvelope?.signatures);
            signature.keyid = 'another';
          }),
        ),
      ),
    ).toBe('TLOG_MISMATCH');
  });
});
