import { sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { framedHash } from '../../src/sigstore/framed-hash.ts';
import { SignatureContent } from '../../src/sigstore/signature-content.ts';
import { evidenceKey, needsManifest, statementPayload, verifyEvidence } from '../../src/sigstore/verify.ts';
import { sha256 } from '../support/fixtures-certificates.ts';
import { bundleEvidence, GOLD_TIME } from '../support/fixtures.ts';
import {
  asEvidence,
  codeOf,
  D,
  E,
  FS,
  keyContext,
  mustVerify,
  mutated,
  newKey,
  ROOT,
  rootContext,
} from './support.ts';

test('a keyless signature names its signer, its digest and each proof', () => {
  const evidence = bundleEvidence(FS.signStatement({ digests: [D] }), 'referrer sha256:abc');
  expect(mustVerify(evidence)).toMatchObject({
    source: 'referrer sha256:abc',
    content: { kind: 'signature', form: 'statement' },
    digests: [D],
    signer: { kind: 'certificate', trustRoot: ROOT.root.fingerprint },
    log: { state: 'valid', proofs: [{ logId: FS.logV2.logId.toString('hex'), integratedAt: undefined }] },
    timestamps: {
      state: 'valid',
      proofs: [{ authority: ROOT.root.timestampAuthorities[0]?.fingerprint, signedAt: GOLD_TIME.getTime() }],
    },
  });
});

test('a legacy keyless signature, and both forms by a key', () => {
  expect(mustVerify(FS.signSimple({ digest: D }))).toMatchObject({
    digests: [D],
    log: {
      state: 'valid',
      proofs: [{ logId: FS.logV1.logId.toString('hex'), integratedAt: GOLD_TIME.getTime() }],
    },
    timestamps: { state: 'absent' },
  });
  const key = newKey();
  const context = keyContext(key);
  for (const evidence of [FS.signSimple({ digest: D, key }), FS.signStatement({ digests: [D], key })]) {
    expect(mustVerify(evidence, context)).toMatchObject({
      signer: { kind: 'key', fingerprint: context.key.fingerprint },
      log: { state: 'valid' },
    });
  }
});

test('A2: an answer about one key is none about another', () => {
  const [key, other] = [keyContext(newKey()).key, keyContext(newKey()).key];
  const keys = newKey();
  const signed = Buffer.from('signed');
  const content = new SignatureContent(
    signed,
    signed,
    sign('sha256', signed, keys.privateKey),
    keyContext(keys).key,
  );
  expect(content.verifySignature(keys.publicKey)).toBe(true);
  expect(content.verifySignature(key.key)).toBe(false);
  expect(content.verifySignature(other.key)).toBe(false);
});

describe('A33: keys and certificates do not stand in for each other', () => {
  const key = newKey();
  const byKey = [FS.signStatement({ digests: [D], key }), FS.signSimple({ digest: D, key })];
  const leaf = FS.issue({ keys: key });
  const byCertificate = [FS.signStatement({ digests: [D], leaf }), FS.signSimple({ digest: D, leaf })];

  test('A33: each mode of signing with each context', () => {
    for (const evidence of byKey) {
      expect(codeOf(evidence, keyContext(key))).toBe('verified');
      expect(codeOf(evidence, ROOT)).toBe('SIG_INVALID');
    }
    for (const evidence of byCertificate) {
      expect(codeOf(evidence, ROOT)).toBe('verified');
      // Even when the key inside is the very key.
      expect(codeOf(evidence, keyContext(key))).toBe('SIG_INVALID');
    }
  });

  test('A33: a hint selects no key', () => {
    const [good] = byKey;
    for (const hint of ['constructor', '__proto__', '', 'other']) {
      const hinted = mutated(good, (bundle) => {
        if (bundle !== undefined && 'verificationMaterial' in bundle)
          bundle.verificationMaterial.publicKey = { hint };
      });
      expect(codeOf(hinted, keyContext(key))).toBe('verified');
      expect(codeOf(hinted, keyContext(newKey()))).toBe('SIG_INVALID');
      expect(codeOf(hinted, ROOT)).toBe('SIG_INVALID');
    }
  });
});

test('parts of a framed hash cannot run into each other', () => {
  const bytes = (text: string) => Buffer.from(text);
  const hashes = [
    [bytes('ab'), bytes('c')],
    [bytes('a'), bytes('bc')],
    [bytes('abc')],
    [bytes('abc'), bytes('')],
    [bytes('abc'), undefined],
    ['abc'],
    ['ab', 'c'],
    ['1', 2],
    [1, 2],
    [12],
    ['b1:a'],
    [],
  ].map(framedHash);
  expect(new Set(hashes).size).toBe(hashes.length);
});

describe('facts', () => {
  const manifest = Buffer.from('{}');
  const digest = `sha256:${sha256(manifest).toString('hex')}`;
  const message = bundleEvidence(FS.signManifest({ manifest }));
  const statement = bundleEvidence(FS.signStatement({ digests: [D] }));
  const simple = FS.signSimple({ digest: D });
  const envelope = FS.signEnvelope({ digests: [D] });

  test('only message signatures need the manifest, and verifying one without it is our defect', () => {
    expect([message, statement, simple, envelope, bundleEvidence('junk')].map(needsManifest)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(() => verifyEvidence(message, ROOT)).toThrow(Fault);
    expect(() => evidenceKey(message, ROOT)).toThrow(Fault);
  });

  test('the key of a fact covers every byte that is read, and the trust', () => {
    const key = keyContext(newKey());
    const { root } = rootContext(() => {}, { logEntries: 1, timestamps: 1, scts: 1 });
    const annotated = (name: string, value: string) => ({
      ...simple,
      annotations: { ...simple.annotations, [name]: value },
    });
    const annotatedEnvelope = (name: string) => ({
      ...envelope,
      annotations: { ...envelope.annotations, [name]: 'x' },
    });
    const keys = [
      evidenceKey(statement, ROOT),
      evidenceKey(statement, { kind: 'root', root }),
      evidenceKey(statement, key),
      evidenceKey(statement, { ...key, root }),
      evidenceKey(statement, { ...key, root: undefined }),
      evidenceKey(statement, keyContext(newKey())),
      evidenceKey({ ...statement, bytes: Buffer.concat([statement.bytes, Buffer.from(' ')]) }, ROOT),
      evidenceKey(message, ROOT, digest),
      evidenceKey(message, ROOT, E),
      evidenceKey(simple, ROOT),
      evidenceKey({ ...simple, payload: Buffer.concat([simple.payload, Buffer.from(' ')]) }, ROOT),
      evidenceKey(annotated('dev.cosignproject.cosign/signature', 'x'), ROOT),
      evidenceKey(annotated('dev.sigstore.cosign/certificate', ''), ROOT),
      evidenceKey(annotated('dev.sigstore.cosign/chain', ''), ROOT),
      evidenceKey(annotated('dev.sigstore.cosign/bundle', ''), ROOT),
      evidenceKey(annotated('dev.sigstore.cosign/rfc3161timestamp', ''), ROOT),
      evidenceKey(envelope, ROOT),
      evidenceKey({ ...envelope, envelope: Buffer.concat([envelope.envelope, Buffer.from(' ')]) }, ROOT),
      ...['certificate', 'chain', 'bundle', 'rfc3161timestamp'].map((name) =>
        evidenceKey(annotatedEnvelope(`dev.sigstore.cosign/${name}`), ROOT),
      ),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    // What is not read does not count: where it was found, for which image, and what we never look at.
    expect(evidenceKey({ ...statement, source: 'elsewhere' }, ROOT)).toBe(keys[0]);
    expect(evidenceKey(statement, ROOT, digest)).toBe(keys[0]);
    expect(evidenceKey(annotated('predicateType', 'x'), ROOT)).toBe(evidenceKey(simple, ROOT));
    expect(evidenceKey(annotatedEnvelope('dev.cosignproject.cosign/signature'), ROOT)).toBe(
      evidenceKey(envelope, ROOT),
    );
  });

  test('the statement that was verified can be read, and nothing else is one', () => {
    for (const evidence of [statement, envelope]) {
      mustVerify(evidence);
      const text = Buffer.from(statementPayload(evidence) ?? []).toString();
      expect(JSON.parse(text)).toMatchObject({ subject: [{ digest: { sha256: D.slice(7) } }] });
    }
    for (const evidence of [message, simple, bundleEvidence('junk')]) {
      expect(statementPayload(evidence)).toBeUndefined();
    }
  });

  test('the same evidence gives the same fact again', () => {
    for (const evidence of [statement, simple, envelope]) {
      expect(verifyEvidence(evidence, ROOT)).toEqual(verifyEvidence(structuredClone(evidence), ROOT));
    }
    expect(verifyEvidence(asEvidence(statement), ROOT)).toEqual(verifyEvidence(statement, rootContext()));
  });
});

describe('F16: evidence is read once, and junk for little', () => {
  test('F16: a bundle of many keys is refused without reading them, and needs no manifest', () => {
    const junk = Array.from({ length: LIMITS.bundleTokens }, (_, i) => `"${i}":0`).join(',');
    const good = FS.signManifest({ manifest: Buffer.from('{}') });
    const text = JSON.stringify(good).replace(/}$/, ',');
    const evidence = bundleEvidence(`${text}${junk}}`);
    expect(needsManifest(bundleEvidence(`${text}"some":0}`))).toBe(true);
    expect(needsManifest(evidence)).toBe(false);
    expect(verifyEvidence(evidence, ROOT)).toMatchObject({ code: 'LIMIT' });
  });

  test('F16: neither the key nor a second verification reads the bytes again', () => {
    for (const [made, code] of [
      [bundleEvidence(FS.signStatement({ digests: [D] })), undefined],
      [bundleEvidence('junk'), 'MALFORMED'],
    ] as const) {
      let reads = 0;
      const { kind, source, bytes } = made;
      const evidence = {
        kind,
        source,
        get bytes() {
          reads++;
          return bytes;
        },
      };
      const keys = new Set(Array.from({ length: 3 }, () => evidenceKey(evidence, keyContext(newKey()))));
      const facts = [1, 2, 3].map(() => verifyEvidence(evidence, ROOT));
      expect(keys.size).toBe(3);
      expect(facts.map((fact) => ('code' in fact ? fact.code : undefined))).toEqual([code, code, code]);
      expect(reads).toBe(2);
    }
  });
});
