import { describe, expect, test } from '@jest/globals';
import { validatePolicyDocument } from '../../src/api/policy-findings.ts';
import { nearestName } from '../../src/api/nearest-name.ts';
import { LIMITS } from '../../src/limits.ts';
import { document, KEYLESS, policySpec, PUBLIC_PEM, type Json } from './documents.ts';

const CIRCUMSTANCES = { now: Date.parse('2026-11-22T00:00:00Z'), policies: undefined };

function find(changes: Json, kind = 'ClusterSigningPolicy') {
  const json = document(kind, kind === 'TrustedSigner' ? changes : policySpec(changes));
  return validatePolicyDocument(json, CIRCUMSTANCES);
}

describe('what POST /validate-policy is told', () => {
  test('a good policy: nothing', () => {
    expect(find({})).toEqual({ problems: [], warnings: [] });
  });

  test('an entry that would only be left out at run time is a problem when it is applied', () => {
    const { problems } = find({ trustedKeys: [KEYLESS, { publicKey: { pem: 'x' } }, { keyless: true }] });
    expect(problems.map(({ field }) => field)).toEqual([
      'spec.trustedKeys[1].publicKey.pem',
      'spec.trustedKeys[2].issuer',
      'spec.trustedKeys[2].subject',
    ]);
  });

  test.each([null, 'x', {}, { kind: 'Pod' }])('%j is a problem and not a crash', (json) => {
    expect(validatePolicyDocument(json, CIRCUMSTANCES).problems).toHaveLength(1);
  });
});

const PATTERN = { keyless: true, issuer: 'https://token.actions.githubusercontent.com' };

const GENERATOR = {
  id: 'https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml',
};
const SHARED = 'https://github.com/acme/shared/.github/workflows/build.yml';
const TEKTON = { id: 'https://tekton.example.com/chains', signerRef: { name: 'tekton-chains' } };
const VERIFIER = { id: 'https://verifier.example.com', signerRef: { name: 'verifier' } };
const ACME = { uri: 'https://github.com/acme/*' };

describe('what is valid and risky', () => {
  test.each<[string, Json, RegExp]>([
    [
      'labels that tenants write',
      { match: { workloadSelector: { matchLabels: { a: 'b' } } } },
      /^match\.workloadSelector: /,
    ],
    ['an exclusion of everything', { match: { excludeImages: ['**'] } }, /^match\.excludeImages /],
    ['a tag that may move', { tagPolicy: 'Resolve' }, /^tagPolicy Resolve: /],
    [
      'keys without a log',
      { trustedKeys: [{ publicKey: { pem: PUBLIC_PEM } }], transparency: { keys: { log: 'Ignored' } } },
      /^transparency\.keys\.log /,
    ],
    [
      'anybody at GitHub',
      { trustedKeys: [{ ...PATTERN, subjectRegExp: 'https://github\\.com/.*' }] },
      /^trustedKeys\[0\]\.subjectRegExp lets in/,
    ],
    [
      'anybody with an address',
      { trustedKeys: [{ ...PATTERN, subjectRegExp: '.*@gmail\\.com' }] },
      /lets in accounts of anybody/,
    ],
    [
      'a dot that is any character',
      { trustedKeys: [{ ...PATTERN, subjectRegExp: 'https://github.com/acme/x' }] },
      /^trustedKeys\[0\]\.subjectRegExp: "\." is any character/,
    ],
    ['provenance of whatever anybody builds', { slsa: { requiredLevel: 2 } }, /^slsa without sources: /],
    [
      'a builder that serves anybody',
      { slsa: { requiredLevel: 3, builders: [GENERATOR, TEKTON] } },
      /^slsa without sources: /,
    ],
    [
      'a source that is anybody',
      { slsa: { requiredLevel: 1, sources: [{ uri: 'https://github.com/*/*' }] } },
      /^slsa\.sources lets in repositories of anybody/,
    ],
    [
      'summaries that can never count',
      { slsa: { requiredLevel: 3, sources: [ACME], verifiers: [VERIFIER] } },
      /^slsa\.verifiers: /,
    ],
    [
      'a builder of level 3 at every ref',
      { slsa: { requiredLevel: 3, sources: [ACME], builders: [{ id: SHARED, level: 3 }] } },
      /^slsa\.builders has level 3 without refs: /,
    ],
    [
      'a builder at commits of forks',
      { slsa: { requiredLevel: 3, sources: [ACME], builders: [{ id: SHARED, refs: ['>=1.0.0', '*'] }] } },
      /^slsa\.builders\.refs "\*" takes in pull requests or commits of forks/,
    ],
    [
      'a builder at pull requests',
      { slsa: { requiredLevel: 3, sources: [ACME], builders: [{ id: SHARED, refs: ['refs/*/*/*'] }] } },
      /^slsa\.builders\.refs "refs\/\*\/\*\/\*" takes in pull requests/,
    ],
    [
      'anybody at GitHub, for an attestation',
      {
        attestations: [
          {
            predicateType: 'https://spdx.dev/Document',
            signers: [{ ...PATTERN, subjectRegExp: 'https://github\\.com/.*' }],
          },
        ],
      },
      /^attestations\[0\]\.signers\[0\]\.subjectRegExp lets in/,
    ],
  ])('C13, C19: %s', (_, changes, expected) => {
    expect(find({}).warnings).toEqual([]);
    const { problems, warnings } = find(changes);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(expected)]);
    for (const warning of warnings) expect(warning.length).toBeLessThanOrEqual(LIMITS.warningChars);
  });

  test('an owner that is pinned, and dots that are dots, draw no warning', () => {
    const pinned = {
      ...PATTERN,
      subjectRegExp: 'https://github\\.com/.*',
      extensions: { sourceRepositoryOwnerID: '1' },
    };
    expect(find({ trustedKeys: [pinned] }).warnings).toEqual([]);
    expect(
      find({ ...PATTERN, subjectRegExp: 'https://github\\.com/.*' }, 'TrustedSigner').warnings,
    ).toHaveLength(1);
  });
});

const BOUNDED = [
  { id: SHARED },
  { id: SHARED, level: 2 },
  { id: SHARED, refs: ['refs/heads/main', 'refs/tags/*', '>=1.0.0', 'f'.repeat(40)], level: 3 },
  { id: `${SHARED}@refs/heads/main`, level: 3 },
  GENERATOR,
];

describe('provenance whose source is bounded draws no warning', () => {
  test.each<[string, Json]>([
    ['by its sources', { requiredLevel: 3, sources: [ACME] }],
    [
      'by any source of one owner',
      { requiredLevel: 3, sources: [{ uri: 'https://github.com/*/*', ownerID: '1' }] },
    ],
    [
      'by one repository, whatever it is called',
      { requiredLevel: 3, sources: [{ uri: 'https://github.com/*/*', repositoryID: '1' }] },
    ],
    ["by builders of one's own", { requiredLevel: 3, builders: [TEKTON] }],
    ['by nothing at level 1, which asks for no builder either', { requiredLevel: 1 }],
    [
      'by a builder at refs that only its owners make',
      { requiredLevel: 3, sources: [ACME], builders: BOUNDED },
    ],
    ['with summaries alone', { requiredLevel: 3, builders: [TEKTON], verifiers: [VERIFIER] }],
  ])('%s', (_, slsa) => {
    expect(find({ slsa })).toEqual({ problems: [], warnings: [] });
  });
});

describe('the name that was probably meant', () => {
  const known = ['requireSignature', 'trustedKeys', 'threshold', 'mode'];
  test.each([
    ['requireSignatures', 'requireSignature'],
    ['trusted_keys', 'trustedKeys'],
    ['treshold', 'threshold'],
    ['Mode', 'mode'],
    ['xyzzy', undefined],
    ['', undefined],
    ['m'.repeat(1_000_000), undefined],
  ])('%s', (name, expected) => expect(nearestName(name, known)).toBe(expected));
});
