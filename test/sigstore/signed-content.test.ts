import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { sha256 } from '../support/fixtures-certificates.ts';
import { SIGN_V1, type StatementOptions } from '../support/fixtures.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { isRefused, verifyEvidence, type TrustContext } from '../../src/sigstore/verify.ts';
import { asEvidence, codeOf, D, E, FS, keyContext, mustVerify, mutated, newKey } from './support.ts';

const key = newKey();
const CONTEXT = keyContext(key);
const bare = { key, log: 'none', timestamp: false } as const;
const statement = (options: Partial<StatementOptions>) =>
  FS.signStatement({ digests: [D], ...bare, ...options });
const STATEMENT = { _type: 'https://in-toto.io/Statement/v1', predicateType: SIGN_V1, predicate: {} };

describe('in-toto statements', () => {
  test('F16: large statements are read, those of too many tokens are not', () => {
    const subject = Array.from({ length: 1000 }, (_, i) => ({
      name: `image-${i}`,
      digest: { sha256: D.slice(7) },
    }));
    const packages = Array.from({ length: 30_000 }, (_, i) => ({
      SPDXID: `SPDXRef-Package-${i}`,
      name: `package-${i}`,
      versionInfo: '1.2.3',
      supplier: 'Organization: an organization with some name',
      licenseConcluded: 'Apache-2.0',
    }));
    const sbom = JSON.stringify({ ...STATEMENT, subject, predicate: { packages } });
    expect(sbom.length).toBeGreaterThan(5_000_000);
    expect(mustVerify(statement({ statement: Buffer.from(sbom) }), CONTEXT).digests).toEqual([D]);
    const many = {
      ...STATEMENT,
      subject,
      predicate: Array.from({ length: LIMITS.statementTokens + 1 }, () => 0),
    };
    expect(codeOf(statement({ statement: many }), CONTEXT)).toBe('LIMIT');
  });

  test('refused evidence says what it claims to be', () => {
    const stranger = keyContext(newKey());
    const claims = (options: Partial<StatementOptions>, context: TrustContext = stranger) => {
      const fact = verifyEvidence(asEvidence(statement(options)), context);
      return isRefused(fact) ? fact.claims : 'verified';
    };
    const predicateType = 'https://slsa.dev/provenance/v1';
    expect(claims({ predicateType })).toBe('attestation');
    expect(claims({ predicateType }, CONTEXT)).toBe('verified');
    expect(claims({})).toBe('signature');
    for (const bad of [undefined, '', 7, [predicateType]]) {
      expect(claims({ statement: { ...STATEMENT, subject: [], predicateType: bad } })).toBeUndefined();
    }
    expect(claims({ statement: Buffer.from('junk') })).toBeUndefined();
    const nested = { ...STATEMENT, predicate: { predicateType } };
    expect(claims({ statement: nested })).toBe('signature');
    expect(verifyEvidence(asEvidence('junk'), stranger)).not.toHaveProperty('claims');
    expect(verifyEvidence(asEvidence(FS.signSimple({ digest: D })), stranger)).toMatchObject({
      claims: 'signature',
    });
  });

  test('what cannot be read says so, and is what it is kept as', () => {
    const { envelope, annotations } = FS.signEnvelope({ digests: [D], ...bare });
    const kept = (text: string): Evidence => ({
      kind: 'dsse-envelope',
      source: 'tag x.att, layer 0',
      envelope: Buffer.from(text),
      annotations,
    });
    const good = JSON.parse(envelope.toString()) as object;
    expect(verifyEvidence(kept(JSON.stringify(good)), CONTEXT)).not.toHaveProperty('code');
    // Signed by another: it was read.
    expect(verifyEvidence(kept(JSON.stringify(good)), keyContext(newKey()))).not.toHaveProperty('isUnread');
    for (const bad of ['junk', JSON.stringify({ ...good, signatures: [] })]) {
      expect(verifyEvidence(kept(bad), CONTEXT)).toMatchObject({ claims: 'attestation', isUnread: true });
    }
    expect(verifyEvidence(asEvidence('junk'), CONTEXT)).toMatchObject({ isUnread: true });
  });

  test('B2: only sign/v1 is a signature, everything else an attestation', () => {
    expect(mustVerify(statement({}), CONTEXT).content).toEqual({ kind: 'signature', form: 'statement' });
    for (const predicateType of [
      'https://slsa.dev/provenance/v1',
      'https://in-toto.io/attestation/test-result/v0.1',
      'https://sigstore.dev/cosign/sign/v10',
      'https://sigstore.dev/cosign/sign/v1/',
      'HTTPS://sigstore.dev/cosign/sign/v1',
    ]) {
      expect(mustVerify(statement({ predicateType }), CONTEXT).content).toEqual({
        kind: 'attestation',
        predicateType,
      });
    }
    for (const predicateType of [undefined, null, '', 7, ['x']]) {
      expect(codeOf(statement({ statement: { ...STATEMENT, subject: [], predicateType } }), CONTEXT)).toBe(
        'MALFORMED',
      );
    }
  });

  test('B3: subjects name a digest in one form only', () => {
    const hex = D.slice('sha256:'.length);
    const digests = (subject: unknown) =>
      mustVerify(statement({ statement: { ...STATEMENT, subject } }), CONTEXT).digests;
    expect(digests([{ digest: { sha256: hex } }])).toEqual([D]);
    expect(
      digests([{ name: 'a', digest: { sha512: 'x', sha256: hex } }, null, { digest: { sha256: hex } }]),
    ).toEqual([D]);
    for (const subject of [
      [],
      [null],
      [{}],
      [{ digest: null }],
      [{ digest: {} }],
      [{ digest: [hex] }],
      [{ digest: { sha512: hex.repeat(2) } }],
      [{ digest: { sha256: hex.toUpperCase() } }],
      [{ digest: { sha256: D } }],
      [{ digest: { sha256: hex.slice(0, 32) } }],
      [{ digest: { sha256: `${hex}0` } }],
      [{ digest: { sha256: `${hex}\n` } }],
      [{ digest: { sha256: [hex] } }],
      [{ name: D, uri: D, annotations: { sha256: hex } }],
      [{ digest: { SHA256: hex } }],
    ]) {
      expect(digests(subject)).toEqual([]);
    }
  });

  test('B3: statements of another shape', () => {
    const subject = [{ digest: { sha256: D.slice(7) } }];
    expect(codeOf(statement({ statement: { ...STATEMENT, subject } }), CONTEXT)).toBe('verified');
    const old = { ...STATEMENT, _type: 'https://in-toto.io/Statement/v0.1', subject };
    expect(codeOf(statement({ statement: old }), CONTEXT)).toBe('verified');
    for (const [value, code] of [
      [{ ...STATEMENT, subject: undefined }, 'MALFORMED'],
      [{ ...STATEMENT, subject: {} }, 'MALFORMED'],
      [{ ...STATEMENT, subject, _type: 'https://in-toto.io/Statement/v2' }, 'UNSUPPORTED'],
      [{ ...STATEMENT, subject, _type: undefined }, 'UNSUPPORTED'],
      [[], 'MALFORMED'],
      [Buffer.from('not JSON'), 'MALFORMED'],
      [Buffer.from(`{"subject":[],"subject":${JSON.stringify(subject)},"_type":"x"}`), 'MALFORMED'],
      [Buffer.from('['.repeat(100)), 'LIMIT'],
    ] as const) {
      expect(codeOf(statement({ statement: value }), CONTEXT)).toBe(code);
    }
  });

  test('A24: a signature of another image names that image only', () => {
    expect(mustVerify(statement({ digests: [E] }), CONTEXT).digests).toEqual([E]);
    expect(mustVerify(FS.signSimple({ digest: E, ...bare }), CONTEXT).digests).toEqual([E]);
    expect(mustVerify(statement({ digests: [D, E] }), CONTEXT).digests).toEqual([D, E]);
  });
});

describe('simple signing', () => {
  const PAYLOAD = {
    critical: {
      identity: { 'docker-reference': 'ghcr.io/org/app' },
      image: { 'docker-manifest-digest': D },
      type: 'cosign container image signature',
    },
    optional: null,
  };
  const signed = (payload: unknown) =>
    FS.signSimple({
      digest: D,
      ...bare,
      payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
    });

  test('A25: payloads that do not name the digest', () => {
    const image = (digest: unknown) =>
      mutated(
        PAYLOAD,
        ({ critical }) => ((critical.image as Record<string, unknown>)['docker-manifest-digest'] = digest),
      );
    expect(mustVerify(signed(PAYLOAD), CONTEXT)).toMatchObject({
      content: { kind: 'signature', form: 'simple-signing' },
      digests: [D],
    });
    for (const digest of [
      undefined,
      null,
      '',
      D.toUpperCase(),
      ` ${D}`,
      `${D} `,
      D.slice(7),
      D.slice(0, -1),
      [D],
      `sha512:${'0'.repeat(128)}`,
    ]) {
      expect(codeOf(signed(image(digest)), CONTEXT)).toBe('DIGEST_MISMATCH');
    }
  });

  test('A25: payloads of another type or shape', () => {
    const text = JSON.stringify(PAYLOAD);
    for (const [payload, code] of [
      [text.replace('"critical"', '"Critical"'), 'MALFORMED'],
      [
        text.replace('"docker-manifest-digest"', `"docker-manifest-digest":"${E}","docker-manifest-digest"`),
        'MALFORMED',
      ],
      [text.replace('"critical"', '"critical":{},"critical"'), 'MALFORMED'],
      [text.replace('cosign container image signature', 'Cosign container image signature'), 'UNSUPPORTED'],
      [text.replace('cosign container image signature', 'atomic container signature'), 'UNSUPPORTED'],
      ['null', 'MALFORMED'],
      [`${text}x`, 'MALFORMED'],
    ] as const) {
      expect(codeOf(signed(payload), CONTEXT)).toBe(code);
    }
  });

  test('A25: the payload of Tekton Chains of 2021, in exactly its names', () => {
    const TEKTON = {
      Critical: {
        Identity: { 'docker-reference': 'registry.example/app' },
        Image: { 'Docker-manifest-digest': D },
        Type: 'Tekton container signature',
      },
      Optional: {},
    };
    const { Critical } = TEKTON;
    expect(mustVerify(signed(TEKTON), CONTEXT)).toMatchObject({
      content: { kind: 'signature', form: 'simple-signing' },
      digests: [D],
    });
    expect(mustVerify(signed({ ...TEKTON, Optional: null }), CONTEXT).digests).toEqual([D]);
    const image = (digest: unknown) => ({ ...TEKTON, Critical: { ...Critical, Image: digest } });
    for (const [payload, code] of [
      [{ ...TEKTON, critical: PAYLOAD.critical }, 'MALFORMED'],
      [{ ...PAYLOAD, Critical }, 'MALFORMED'],
      [{ ...TEKTON, optional: null }, 'MALFORMED'],
      [{ ...TEKTON, Critical: { ...Critical, image: PAYLOAD.critical.image } }, 'MALFORMED'],
      [{ ...TEKTON, Critical: { ...Critical, type: Critical.Type } }, 'MALFORMED'],
      [image({ 'Docker-manifest-digest': D, 'docker-manifest-digest': E }), 'MALFORMED'],
      [image({ 'docker-manifest-digest': D }), 'MALFORMED'],
      [{ Critical: PAYLOAD.critical }, 'MALFORMED'],
      [{ CRITICAL: Critical }, 'MALFORMED'],
      [{ Critical: null }, 'MALFORMED'],
      [{ Critical: [] }, 'MALFORMED'],
      [{ critical: { ...PAYLOAD.critical, type: Critical.Type } }, 'UNSUPPORTED'],
      [{ ...TEKTON, Critical: { ...Critical, Type: PAYLOAD.critical.type } }, 'UNSUPPORTED'],
      [{ ...TEKTON, Critical: { ...Critical, Type: 'tekton container signature' } }, 'UNSUPPORTED'],
      [image({ 'Docker-manifest-digest': D.toUpperCase() }), 'DIGEST_MISMATCH'],
      [image({ 'Docker-manifest-digest': null }), 'DIGEST_MISMATCH'],
      [image(null), 'DIGEST_MISMATCH'],
    ] as const) {
      expect({ payload, code: codeOf(signed(payload), CONTEXT) }).toEqual({ payload, code });
    }
  });

  test('A24: another payload under the same signature, and a missing signature', () => {
    const good = FS.signSimple({ digest: D, ...bare });
    const other = FS.signSimple({ digest: E, ...bare });
    expect(codeOf(good, CONTEXT)).toBe('verified');
    expect(codeOf({ ...good, payload: other.payload }, CONTEXT)).toBe('SIG_INVALID');
    expect(codeOf({ ...good, annotations: {} }, CONTEXT)).toBe('SIG_INVALID');
    const empty = { 'dev.cosignproject.cosign/signature': '' };
    expect(codeOf({ ...good, annotations: empty }, CONTEXT)).toBe('SIG_INVALID');
  });
});

describe('signatures over the manifest', () => {
  const manifest = Buffer.from('{"schemaVersion":2}');
  const digest = `sha256:${sha256(manifest).toString('hex')}`;
  const artifact = { digest, manifest };

  test('the digest is that of the bytes which the signature is over', () => {
    for (const options of [{ key }, {}]) {
      const bundle = FS.signManifest({ manifest, ...options });
      const context = 'key' in options ? CONTEXT : undefined;
      expect(mustVerify(bundle, context, artifact)).toMatchObject({
        content: { kind: 'signature', form: 'message-signature' },
        digests: [digest],
      });
    }
  });

  test('A24: a signature over another manifest', () => {
    const good = FS.signManifest({ manifest, ...bare });
    const otherBytes = Buffer.from('{"schemaVersion":3}');
    const other = { digest: `sha256:${sha256(otherBytes).toString('hex')}`, manifest: otherBytes };
    expect(codeOf(good, CONTEXT, artifact)).toBe('verified');
    expect(codeOf(good, CONTEXT, other)).toBe('DIGEST_MISMATCH');
    expect(codeOf(good, CONTEXT, { ...artifact, digest: other.digest })).toBe('DIGEST_MISMATCH');
    expect(codeOf(good, CONTEXT, { ...other, digest })).toBe('DIGEST_MISMATCH');
    const relabelled = mutated(good, (bundle) => {
      if (bundle.messageSignature)
        bundle.messageSignature.messageDigest.digest = sha256(otherBytes).toString('base64');
    });
    expect(codeOf(relabelled, CONTEXT, artifact)).toBe('DIGEST_MISMATCH');
    expect(codeOf(relabelled, CONTEXT, other)).toBe('SIG_INVALID');
  });

  test('a message digest of an algorithm that we do not know', () => {
    const good = FS.signManifest({ manifest, ...bare });
    for (const algorithm of ['SHA3_256', 'MD5', 'HASH_ALGORITHM_UNSPECIFIED', 99, null]) {
      const bad = mutated(good, (bundle) => {
        if (bundle.messageSignature)
          (bundle.messageSignature.messageDigest as Record<string, unknown>)['algorithm'] = algorithm;
      });
      expect(['UNSUPPORTED', 'MALFORMED']).toContain(codeOf(bad, CONTEXT, artifact));
    }
  });
});
