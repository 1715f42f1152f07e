import { describe, expect, test } from '@jest/globals';
import { storedText } from '../../src/history/stored-text.ts';
import { signatureState } from '../../src/history/signature-state.ts';
import { leftOut, MAX_ROWS, verificationsOf } from '../../src/history/verifications-of.ts';
import type { ViolationCode } from '../../src/policy/verdict.ts';
import { decision, excepted, faulted, image, verified, violated } from '../observe/decision.ts';

const occasion = { time: 1_700_000_000_000, replica: 'r', latency: 1.23456 };

describe('the rows of a review', () => {
  test('are one for each image and policy, with who vouched or why not', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const images = [
      { ...image([verified(), violated('Audit')]), digest, isPrivate: true },
      image([faulted('Warn')], 'other:v2'),
    ];
    const rows = verificationsOf(decision({ images, allowed: false }), occasion);
    expect(rows).toHaveLength(3);
    expect(rows.find(({ verdict }) => verdict === 'verified')).toMatchObject({
      image: 'ghcr.io/org/server:v1',
      digest,
      isPrivate: true,
      signatureFound: true,
      signatureValid: true,
      signerEntry: 'ci',
      signer: 'https://issuer build@example.com',
      issuer: 'https://issuer',
      signedAt: 1,
      code: undefined,
      codes: [],
      policy: 'SigningPolicy/mcp/servers',
      mode: 'Enforce',
      decision: 'denied',
      namespace: 'mcp',
      kind: 'Pod',
      name: 'server',
      user: 'system:serviceaccount:mcp:deployer',
      operation: 'CREATE',
      latency: 1.235,
      time: occasion.time,
      replica: 'r',
    });
    expect(rows.find(({ verdict }) => verdict === 'violated')).toMatchObject({
      mode: 'Audit',
      code: 'SIGNATURE_MISSING',
      codes: ['SIGNATURE_MISSING'],
      detail: 'nothing was found',
      signatureFound: false,
    });
    expect(rows.find(({ verdict }) => verdict === 'faulted')).toMatchObject({
      image: 'other:v2',
      code: 'REGISTRY_UNREACHABLE',
      signatureFound: undefined,
    });
  });

  test('name the exception that lifted a verdict', () => {
    const images = [image([excepted(violated()), violated('Audit')])];
    const rows = verificationsOf(decision({ images }), occasion);
    expect(rows.map(({ exception, verdict, decision: of }) => [exception, verdict, of])).toEqual([
      ['incident-1', 'violated', 'admitted'],
      [undefined, 'violated', 'admitted'],
    ]);
  });

  test('a denial before any image was looked at has a row, an admission without images has none', () => {
    const denied = decision({ allowed: false, codes: ['NOT_SYNCED'], message: 'not yet\nmore' });
    expect(verificationsOf(denied, occasion)).toMatchObject([
      { image: '', code: 'NOT_SYNCED', verdict: 'faulted', detail: 'not yet', policy: 'installation' },
    ]);
    const invalid = decision({ allowed: false, codes: ['REVIEW_INVALID'] });
    expect(verificationsOf(invalid, occasion)).toMatchObject([{ verdict: 'violated' }]);
    expect(verificationsOf(decision(), occasion)).toEqual([]);
  });

  test('are bounded, and refusals are never the ones left out', () => {
    const many = Array.from({ length: MAX_ROWS + 5 }, () => image([verified()]));
    const one = decision({ images: [...many, image([violated()])] });
    const rows = verificationsOf(one, occasion);
    expect(rows).toHaveLength(MAX_ROWS);
    expect(rows[0]?.verdict).toBe('violated');
    expect(leftOut(one)).toBe(6);
    const long = 'x'.repeat(1_000_000);
    const object = { kind: long, namespace: long, name: long };
    const huge = decision({ images: [image([violated()], long)], user: long, uid: long, object });
    expect(JSON.stringify(verificationsOf(huge, occasion)).length).toBeLessThan(5_000);
  });

  test('what cannot be seen is spelled out', () => {
    expect(storedText('a\u0000b\r\nc\u202ed\ud800e\u2028f', 99)).toBe(
      'a\\u{0}b\\u{d}\\u{a}c\\u{202e}d\\u{d800}e\\u{2028}f',
    );
    expect(storedText('grün 中 [x]', 99)).toBe('grün 中 [x]');
    expect(storedText('😀'.repeat(3), 3)).toBe('😀\\u{d83d}…');
  });

  test.each<[ViolationCode, boolean | undefined, boolean | undefined]>([
    ['SIGNATURE_MISSING', false, false],
    ['SIG_INVALID', true, false],
    ['IDENTITY_MISMATCH', true, true],
    ['DIGEST_REVOKED', undefined, undefined],
  ])('%s: signature found %s, valid %s', (code, found, valid) => {
    const violations = [{ code, detail: '' }] as const;
    expect(signatureState({ kind: 'violated', violations })).toEqual({ found, valid });
    const about = [{ code, detail: '', about: 'provenance' as const }] as const;
    const nothing = { found: undefined, valid: undefined };
    expect(signatureState({ kind: 'violated', violations: about })).toEqual(nothing);
  });
});
