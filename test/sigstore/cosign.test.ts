import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parsePublicKey } from '../../src/sigstore/public-key.ts';
import { parseTrustRoot, PRIVATE_INSTANCE } from '../../src/sigstore/trust-root.ts';
import type { TrustContext } from '../../src/sigstore/verify.ts';
import { readCosignRecord, recordedEvidence, type RecordedCase } from '../support/fixtures-cosign.ts';
import { codeOf, keyContext, mustVerify, newKey, ROOT } from './support.ts';

/** Made once by real cosign 2 and 3, Fulcio, Rekor v1 and v2 and a timestamp authority. */
const RECORD = readCosignRecord();
const root = parseTrustRoot(JSON.parse(RECORD.trustedRoot), PRIVATE_INSTANCE);

function contextOf({ publicKey }: RecordedCase): TrustContext {
  return publicKey === undefined
    ? { kind: 'root', root }
    : { kind: 'key', key: parsePublicKey(publicKey), root };
}

const named = (name: string) => {
  const found = RECORD.cases.find((recorded) => recorded.name === name);
  if (found === undefined) throw new Error(`${name} was not recorded`);
  return found;
};

describe('what real cosign makes', () => {
  test.each(RECORD.cases)('$name: verifies, with every proof that is there', (recorded) => {
    const evidence = recordedEvidence(recorded);
    const verified = mustVerify(evidence, contextOf(recorded));
    expect(verified.digests).toEqual([recorded.digest]);
    const noLog = /no log|timestamp only/.test(recorded.name);
    expect(verified.log.state).toBe(noLog ? 'absent' : 'valid');
    expect(verified.timestamps.state).not.toBe('invalid');
    expect(verified.content.kind).toBe(recorded.name.includes('attestation') ? 'attestation' : 'signature');
    expect(verified.signer.kind).toBe(recorded.publicKey === undefined ? 'certificate' : 'key');
  });

  test.each(RECORD.cases)('A20, A33: $name: nobody else vouches for it', (recorded) => {
    const evidence = recordedEvidence(recorded);
    expect(codeOf(evidence, contextOf(recorded))).toBe('verified');
    const carried = recorded.annotations?.['dev.sigstore.cosign/certificate'] !== undefined;
    const keyless = recorded.publicKey === undefined || carried;
    expect(codeOf(evidence, ROOT)).toBe(keyless ? 'CERT_INVALID' : 'SIG_INVALID');
    expect(codeOf(evidence, keyContext(newKey(), root))).toBe('SIG_INVALID');
  });

  test('the identities that the certificates name', () => {
    const signer = (name: string) => mustVerify(recordedEvidence(named(name)), contextOf(named(name))).signer;
    expect(signer('keyless, e-mail')).toMatchObject({
      issuer: 'https://accounts.google.com',
      names: [{ type: 'email', value: 'build@example.com' }],
    });
    expect(signer('keyless, workflow')).toMatchObject({
      issuer: 'https://token.actions.githubusercontent.com',
      names: [
        { type: 'uri', value: 'https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.0.0' },
      ],
      extensions: {
        sourceRepositoryURI: 'https://github.com/org/app',
        sourceRepositoryRef: 'refs/tags/v1.0.0',
      },
    });
  });

  test.each(RECORD.cases.filter(({ name }) => name.includes('certificate')))(
    'A33: $name: its bare key does not vouch for a signature that carries the certificate',
    (recorded) => {
      const certificate = new X509Certificate(recorded.publicKey ?? '');
      const bare = certificate.publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const evidence = recordedEvidence(recorded);
      expect(codeOf(evidence, contextOf(recorded))).toBe('verified');
      expect(codeOf(evidence, { kind: 'key', key: parsePublicKey(bare), root })).toBe('SIG_INVALID');
    },
  );

  test('every layout, kind of key and kind of log entry is among them', () => {
    const kinds = RECORD.cases.map((recorded) => recordedEvidence(recorded).kind);
    expect(new Set(kinds)).toEqual(new Set(['bundle', 'simple-signing', 'dsse-envelope']));
    const types = RECORD.cases
      .flatMap(({ publicKey }) => publicKey ?? [])
      .map((pem) => parsePublicKey(pem).type);
    expect(new Set(types)).toEqual(new Set(['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa', 'ed25519']));
    const intoto = named('cosign 2 keyless attestation, intoto entry').annotations?.[
      'dev.sigstore.cosign/bundle'
    ];
    const { Payload } = JSON.parse(intoto ?? '') as { Payload: { body: string } };
    expect(JSON.parse(Buffer.from(Payload.body, 'base64').toString())).toMatchObject({
      kind: 'intoto',
      apiVersion: '0.0.1',
    });
  });

  test('Rekor v1 promises the index over all its trees, and proves the one in its tree: as in the public instance they differ', () => {
    const recorded = named('P-256 key, Rekor v1');
    const bundle = JSON.parse(Buffer.from(recorded.bundle ?? '', 'base64').toString()) as {
      verificationMaterial: { tlogEntries: { logIndex: string; inclusionProof: { logIndex: string } }[] };
    };
    const [entry] = bundle.verificationMaterial.tlogEntries;
    expect(Number(entry?.logIndex) - Number(entry?.inclusionProof.logIndex)).toBe(1);
    const { log } = mustVerify(recordedEvidence(recorded), contextOf(recorded));
    expect(log).toMatchObject({ state: 'valid', proofs: [{ logIndex: entry?.logIndex }] });
  });

  test('A1: entries of one recorded signature do not go with another', () => {
    const [one, two] = [named('legacy keyless'), named('cosign 2 keyless')];
    const stapled = {
      ...one,
      annotations: {
        ...one.annotations,
        'dev.sigstore.cosign/bundle': two.annotations?.['dev.sigstore.cosign/bundle'] ?? '',
      },
    };
    expect(codeOf(recordedEvidence(one), contextOf(one))).toBe('verified');
    expect(codeOf(recordedEvidence(stapled), contextOf(one))).toBe('TLOG_MISMATCH');
  });
});
