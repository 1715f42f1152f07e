import { describe, expect, test } from '@jest/globals';
import { evaluateSlsa } from '../../src/slsa/evaluate-slsa.ts';
import { isResource } from '../../src/slsa/resource-uri.ts';
import type { SlsaCandidate } from '../../src/slsa/slsa-candidate.ts';
import { parseRefPattern } from '../../src/slsa/ref-pattern.ts';
import type { SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import { parseSourcePattern } from '../../src/slsa/source-uri.ts';
import {
  builder,
  candidate,
  changed,
  DAY,
  IMAGE,
  KEY,
  NOW,
  OTHER_DIGEST,
  policy,
  SIGNED,
  summaryStatement,
  type Json,
} from './statements.ts';

const VERIFIER = {
  id: 'https://verifier.example.com',
  signerRef: 'verifier',
  policyUri: 'https://verifier.example.com/policy',
};
const BY_VERIFIER = { signer: KEY, signerRefs: new Set(['verifier']) };

const judge = (
  json: Json,
  rules: Partial<SlsaPolicy> = {},
  changes: Partial<SlsaCandidate> = {},
): readonly string[] => {
  const summary = candidate(json, { ...BY_VERIFIER, ...changes });
  const outcome = evaluateSlsa(policy({ verifiers: [VERIFIER], ...rules }), IMAGE, [summary], NOW);
  return outcome.kind === 'verified' ? [] : outcome.violations.map(({ code }) => code);
};
const changedBy = (key: string, value: unknown): Json =>
  changed(summaryStatement(), `predicate.${key}`, value);

describe('B14: verification summaries', () => {
  test.each<[string, string, unknown]>([
    ['another verifier', 'verifier.id', 'https://verifier.example.com/evil'],
    ['another image', 'resourceUri', 'ghcr.io/acme/server2'],
    ['a failure', 'verificationResult', 'FAILED'],
    ['a result in small letters', 'verificationResult', 'passed'],
    ['level 10', 'verifiedLevels', ['SLSA_BUILD_LEVEL_10']],
    ['level 4', 'verifiedLevels', ['SLSA_BUILD_LEVEL_4']],
    ['a bare number', 'verifiedLevels', ['3']],
    ['a number', 'verifiedLevels', [3]],
    ['level 0', 'verifiedLevels', ['SLSA_BUILD_LEVEL_0']],
    ['a level in small letters', 'verifiedLevels', ['slsa_build_level_3']],
    ['another track', 'verifiedLevels', ['SLSA_SOURCE_LEVEL_3']],
    ['two levels', 'verifiedLevels', ['SLSA_BUILD_LEVEL_1', 'SLSA_BUILD_LEVEL_3']],
    ['no level', 'verifiedLevels', []],
    ['a time in the future', 'timeVerified', '2026-11-23T12:00:00Z'],
    ['a time after it was signed', 'timeVerified', '2026-11-22T11:30:00Z'],
    ['another policy', 'policy.uri', 'https://verifier.example.com/policy2'],
    ['no policy', 'policy', undefined],
  ])('%s', (_, key, value) => {
    expect(judge(summaryStatement())).toEqual([]);
    expect(judge(changedBy(key, value))).toEqual(['VSA_INVALID']);
  });

  test('the digest, the signer and the age', () => {
    expect(judge(summaryStatement(), {}, { digests: [OTHER_DIGEST] })).toEqual(['DIGEST_MISMATCH']);
    expect(judge(summaryStatement(), {}, { signerRefs: new Set(['release-ci']) })).toEqual(['VSA_INVALID']);
    expect(judge(summaryStatement(), { verifiers: [] })).toEqual(['VSA_INVALID']);
    expect(judge(changedBy('verifier.id', ''))).toEqual(['MALFORMED']);
    expect(judge(summaryStatement(), { maxAge: DAY })).toEqual([]);
    expect(judge(summaryStatement(), { maxAge: 1000 })).toEqual(['ATT_STALE']);
    expect(judge(summaryStatement(), {}, { times: [] })).toEqual([]);
    expect(judge(changedBy('timeVerified', '2026-11-23T12:00:00Z'), {}, { times: [] })).toEqual([
      'VSA_INVALID',
    ]);
    // Signed again today, verified long ago.
    const old = changedBy('timeVerified', '2025-01-01T00:00:00Z');
    expect(judge(old)).toEqual([]);
    expect(judge(old, { maxAge: DAY })).toEqual(['ATT_STALE']);
    expect(judge(changedBy('timeVerified', undefined), { maxAge: DAY }, { times: [] })).toEqual([
      'ATT_STALE',
    ]);
    expect(judge(changedBy('timeVerified', undefined), { maxAge: DAY }, { times: [SIGNED] })).toEqual([]);
  });

  test('the words say who should have signed', () => {
    const summary = candidate(summaryStatement(), { ...BY_VERIFIER, signerRefs: new Set() });
    expect(evaluateSlsa(policy({ verifiers: [VERIFIER] }), IMAGE, [summary], NOW)).toMatchObject({
      violations: [
        {
          code: 'VSA_INVALID',
          detail: `verifier ${VERIFIER.id} did not sign it; expected a signature of TrustedSigner "verifier"`,
        },
      ],
    });
  });

  test('one verifier may have two signers, and two verifiers one', () => {
    const verifiers = [{ ...VERIFIER, signerRef: 'other' }, VERIFIER];
    expect(judge(summaryStatement(), { verifiers })).toEqual([]);
    const strict = [
      { ...VERIFIER, signerRef: 'other' },
      { ...VERIFIER, policyUri: 'https://x.example' },
    ];
    expect(judge(summaryStatement(), { verifiers: strict })).toEqual(['VSA_INVALID']);
    expect(judge(summaryStatement(), { verifiers: [{ ...VERIFIER, policyUri: undefined }] })).toEqual([]);
  });

  test('its level counts, and it stands for the builder and for nothing else', () => {
    const level2 = changedBy('verifiedLevels', ['SLSA_BUILD_LEVEL_2']);
    expect(judge(level2, { requiredLevel: 2 })).toEqual([]);
    expect(judge(level2)).toEqual(['SLSA_LEVEL']);
    expect(judge(summaryStatement(), { builders: [builder('https://b.example')] })).toEqual([]);
    const asked: Partial<SlsaPolicy> = {
      sources: [
        { uri: parseSourcePattern('https://github.com/acme/*'), ownerID: undefined, repositoryID: undefined },
      ],
      refs: [parseRefPattern('refs/heads/*')],
      buildTypes: ['x'],
      triggers: ['push'],
      runnerEnvironment: 'github-hosted',
    };
    expect(judge(summaryStatement(), asked)).toEqual([
      'SLSA_SOURCE',
      'SLSA_REF',
      'SLSA_BUILD_TYPE',
      'SLSA_TRIGGER',
      'SLSA_RUNNER',
    ]);
  });

  test('v0.2 is read as well', () => {
    const v02 = {
      ...summaryStatement(),
      predicateType: 'https://slsa.dev/verification_summary/v0.2',
      predicate: {
        verifier: { id: VERIFIER.id },
        time_verified: '2026-11-22T10:55:00Z',
        resource_uri: 'ghcr.io/acme/server',
        policy: { uri: VERIFIER.policyUri },
        verification_result: 'PASSED',
        policy_level: 'SLSA_LEVEL_3',
      },
    };
    expect(judge(v02)).toEqual([]);
    expect(judge(changed(v02, 'predicate.policy_level', 'SLSA_LEVEL_4'))).toEqual([]);
    expect(judge(changed(v02, 'predicate.policy_level', 'SLSA_LEVEL_2'))).toEqual(['SLSA_LEVEL']);
    expect(judge(changed(v02, 'predicate.policy_level', 'FAILED'))).toEqual(['VSA_INVALID']);
    expect(judge(changed(v02, 'predicate.policy_level', 'SLSA_BUILD_LEVEL_3'))).toEqual(['VSA_INVALID']);
    expect(judge(changed(v02, 'predicate.verification_result', 'FAILED'))).toEqual(['VSA_INVALID']);
  });
});

test('B14: a resource is the image, however it is written', () => {
  const digest = IMAGE.digest;
  const good = [
    'ghcr.io/acme/server',
    'ghcr.io/acme/server:v1',
    `ghcr.io/acme/server@${digest}`,
    `https://ghcr.io/acme/server:v1@${digest}`,
    `oci://ghcr.io/acme/server@${digest}`,
    'docker://ghcr.io/acme/server',
    'pkg:oci/server?repository_url=ghcr.io/acme/server',
    `pkg:oci/server@${digest.replace(':', '%3A')}?repository_url=ghcr.io%2Facme&tag=v1`,
    `pkg:oci/server@${digest}?arch=amd64&repository_url=ghcr.io/acme/server`,
  ];
  expect(good.filter((uri) => !isResource(uri, IMAGE))).toEqual([]);
  const bad = [
    '',
    'acme/server',
    'ghcr.io/acme',
    'ghcr.io/acme/server2',
    'ghcr.io/acme/server/x',
    'ghcr.io.evil.example/acme/server',
    'GHCR.io/acme/SERVER',
    `ghcr.io/acme/server@${OTHER_DIGEST}`,
    'http://ghcr.io/acme/server',
    'https://https://ghcr.io/acme/server',
    'https://evil.example/?ghcr.io/acme/server',
    'pkg:oci/server',
    `pkg:oci/server@${OTHER_DIGEST}?repository_url=ghcr.io/acme/server`,
    'pkg:oci/server@v1?repository_url=ghcr.io/acme/server',
    'pkg:oci/evil?repository_url=ghcr.io/acme/server',
    'pkg:oci/server?repository_url=ghcr.io/acme/server&repository_url=evil.example/x',
    'pkg:docker/acme/server',
  ];
  expect(bad.filter((uri) => isResource(uri, IMAGE))).toEqual([]);
});
