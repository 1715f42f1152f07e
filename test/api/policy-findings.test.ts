import { describe, expect, test } from '@jest/globals';
import { validatePolicyDocument } from '../../src/api/policy-findings.ts';
import { nearestName } from '../../src/api/nearest-name.ts';
import { LIMITS } from '../../src/limits.ts';
import { document, KEYLESS, policySpec, PUBLIC_PEM, type Json } from './documents.ts';

function find(changes: Json, kind = 'ClusterSigningPolicy') {
  return validatePolicyDocument(document(kind, kind === 'TrustedSigner' ? changes : policySpec(changes)));
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
    expect(validatePolicyDocument(json).problems).toHaveLength(1);
  });
});

const PATTERN = { keyless: true, issuer: 'https://token.actions.githubusercontent.com' };

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
