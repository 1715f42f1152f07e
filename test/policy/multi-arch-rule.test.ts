import { describe, expect, test } from '@jest/globals';
import type { PolicyRules } from '../../src/api/resources.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { FoundFacts, ImageFacts, ParentFact, PlatformsFact } from '../../src/policy/image-facts.ts';
import type { CompiledPolicy } from '../../src/policy/snapshot.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import {
  codeOf,
  DIGEST,
  exactText,
  factsOf,
  foundBy,
  keyless,
  keyRef,
  NOW,
  policy,
  signerRef,
  snapshotOf,
  SUBJECT,
} from './builders.ts';

/** What is known of one digest: who signed it, or why nobody can tell. */
type Known = readonly string[] | 'fault' | 'fault, though signed';

const AMD = `sha256:${'1'.repeat(64)}`;
const ARM = `sha256:${'2'.repeat(64)}`;
const INDEX = `sha256:${'3'.repeat(64)}`;
const EVIL = 'evil@example.com';
const FAULT = { code: 'REGISTRY_ERROR', detail: 'down' } as const;

function policyOf(rules: Partial<PolicyRules>): CompiledPolicy {
  const [only] = snapshotOf(policy({}, rules)).policies;
  if (only === undefined) throw new Error('no policy');
  return only;
}

function found(of: CompiledPolicy, digest: string, known: Known): FoundFacts {
  const by = known === 'fault' ? [] : known === 'fault, though signed' ? [SUBJECT] : known;
  const faults = typeof known === 'string' ? [FAULT] : [];
  return { ...foundBy([of], digest, ...by), faults };
}

interface Row {
  readonly rules: Partial<PolicyRules>;
  readonly own: Known;
  readonly platforms?: PlatformsFact | readonly [Known, Known];
  readonly parent?: ParentFact | Known;
}

function judge({ rules, own, platforms = { kind: 'none' }, parent = { kind: 'none' } }: Row): Outcome {
  const of = policyOf(rules);
  const facts: Partial<ImageFacts> = {
    ...found(of, DIGEST, own),
    platforms:
      'kind' in platforms
        ? platforms
        : {
            kind: 'known',
            platforms: [
              { digest: AMD, platform: 'linux/amd64', ...found(of, AMD, platforms[0]) },
              { digest: ARM, platform: 'linux/arm64', ...found(of, ARM, platforms[1]) },
            ],
          },
    parent:
      typeof parent === 'object' && 'kind' in parent
        ? parent
        : { kind: 'known', digest: INDEX, ...found(of, INDEX, parent) },
  };
  return evaluate(of, factsOf({}, facts), { now: NOW, isPod: true });
}

const ME = [SUBJECT];
const NOBODY: Known = [];
const REFUSED = { kind: 'refused', violation: { code: 'LIMIT', detail: 'too many platforms' } } as const;
const UNKNOWN = { kind: 'fault', fault: FAULT } as const;

describe('multiArch: IndexAndPlatforms', () => {
  const EVERY: Partial<PolicyRules> = { multiArch: 'IndexAndPlatforms' };
  const revoking = (digest: string): Partial<PolicyRules> => ({
    ...EVERY,
    revokedDigests: new Set([digest]),
  });

  test.each<[string, string, Row]>([
    ['all are signed', 'verified', { rules: EVERY, own: ME, platforms: [ME, ME] }],
    ['the digest is no index', 'verified', { rules: EVERY, own: ME, platforms: { kind: 'none' } }],
    [
      'an index without platforms',
      'verified',
      { rules: EVERY, own: ME, platforms: { kind: 'known', platforms: [] } },
    ],
    ['D4: the index only', 'SIGNATURE_MISSING', { rules: EVERY, own: ME, platforms: [NOBODY, NOBODY] }],
    ['D4: the first is not signed', 'SIGNATURE_MISSING', { rules: EVERY, own: ME, platforms: [NOBODY, ME] }],
    ['D4: the last is not signed', 'SIGNATURE_MISSING', { rules: EVERY, own: ME, platforms: [ME, NOBODY] }],
    ['D4: the index is not signed', 'SIGNATURE_MISSING', { rules: EVERY, own: NOBODY, platforms: [ME, ME] }],
    ['D4: one is signed by another', 'IDENTITY_MISMATCH', { rules: EVERY, own: ME, platforms: [ME, [EVIL]] }],
    [
      'D4: the index is signed by another',
      'IDENTITY_MISMATCH',
      { rules: EVERY, own: [EVIL], platforms: [ME, ME] },
    ],
    [
      'one is signed by another as well',
      'verified',
      { rules: EVERY, own: ME, platforms: [ME, [EVIL, SUBJECT]] },
    ],
    ['a platform is revoked', 'DIGEST_REVOKED', { rules: revoking(ARM), own: ME, platforms: [ME, ME] }],
    ['another digest is revoked', 'verified', { rules: revoking(INDEX), own: ME, platforms: [ME, ME] }],
    ['nobody can tell of one', 'fault REGISTRY_ERROR', { rules: EVERY, own: ME, platforms: [ME, 'fault'] }],
    [
      'something of one could not be looked at, and it is signed',
      'verified',
      { rules: EVERY, own: ME, platforms: [ME, 'fault, though signed'] },
    ],
    [
      'nobody can tell of one, and the other is not signed: no answer can mend that',
      'SIGNATURE_MISSING',
      { rules: EVERY, own: ME, platforms: ['fault', NOBODY] },
    ],
    [
      'nobody can tell of the index, and one is not signed: no answer can mend that',
      'SIGNATURE_MISSING',
      { rules: EVERY, own: 'fault', platforms: [ME, NOBODY] },
    ],
    [
      'nobody can tell of the index, and one is revoked: no answer can mend that',
      'DIGEST_REVOKED',
      { rules: revoking(AMD), own: 'fault', platforms: [ME, ME] },
    ],
    [
      'nobody can tell of the index, and its platforms are refused: no answer can mend that',
      'LIMIT',
      { rules: EVERY, own: 'fault', platforms: REFUSED },
    ],
    [
      'nobody can tell of the index',
      'fault REGISTRY_ERROR',
      { rules: EVERY, own: 'fault', platforms: [ME, ME] },
    ],
    [
      'nobody can tell what the platforms are, and the index is not signed',
      'SIGNATURE_MISSING',
      { rules: EVERY, own: NOBODY, platforms: UNKNOWN },
    ],
    [
      'nobody can tell what the platforms are',
      'fault REGISTRY_ERROR',
      { rules: EVERY, own: ME, platforms: UNKNOWN },
    ],
    ['the platforms are refused', 'LIMIT', { rules: EVERY, own: ME, platforms: REFUSED }],
    ['nobody asked for the platforms', 'verified', { rules: {}, own: ME, platforms: [NOBODY, NOBODY] }],
  ])('%s: %s', (_, expected, row) => {
    expect(codeOf(judge(row))).toBe(expected);
    expect(codeOf(judge({ rules: EVERY, own: ME, platforms: [ME, ME] }))).toBe('verified');
  });

  test('each platform is named, the no before the cannot-tell, and the index vouches', () => {
    expect(judge({ rules: EVERY, own: ME, platforms: [NOBODY, [EVIL]] })).toMatchObject({
      kind: 'violated',
      violations: [
        {
          code: 'SIGNATURE_MISSING',
          detail: `platform linux/amd64 (${AMD}): no signature was found`,
          headline: 'is signed, but its manifest for linux/amd64 is not. Signature required',
        },
        { code: 'IDENTITY_MISMATCH', detail: expect.stringContaining(`platform linux/arm64 (${ARM}): `) },
      ],
    });
    // Nobody could tell whether the index is signed.
    expect(judge({ rules: EVERY, own: 'fault', platforms: [NOBODY, ME] })).toEqual({
      kind: 'violated',
      violations: [
        { code: 'SIGNATURE_MISSING', detail: `platform linux/amd64 (${AMD}): no signature was found` },
      ],
    });
    expect(judge({ rules: EVERY, own: 'fault', platforms: ['fault', 'fault'] })).toMatchObject({
      kind: 'faulted',
      faults: [
        FAULT,
        { detail: `platform linux/amd64 (${AMD}): down` },
        { detail: `platform linux/arm64 (${ARM}): down` },
      ],
    });
    expect(judge({ rules: EVERY, own: ME, platforms: [ME, ME] })).toMatchObject({
      signers: [{ identity: expect.stringContaining(SUBJECT) }],
    });
  });

  test('a threshold is reached by the index and by each platform on its own', () => {
    const both = [SUBJECT, 'second@example.com'];
    const rules = {
      ...EVERY,
      threshold: 2,
      trustedKeys: [
        keyless(),
        keyless({ field: 'spec.trustedKeys[1]', subject: exactText('second@example.com') }),
      ],
    };
    expect(codeOf(judge({ rules, own: both, platforms: [both, both] }))).toBe('verified');
    expect(codeOf(judge({ rules, own: both, platforms: [both, ME] }))).toBe('THRESHOLD');
    expect(codeOf(judge({ rules, own: ME, platforms: [both, both] }))).toBe('THRESHOLD');
  });
});

describe('acceptMembership', () => {
  const MEMBER: Partial<PolicyRules> = { acceptMembership: true };
  const STRANGER = { kind: 'stranger', digest: INDEX } as const;
  const revoking = (digest: string): Partial<PolicyRules> => ({
    ...MEMBER,
    revokedDigests: new Set([digest]),
  });
  /** Two of whom one does not exist: no answer of any registry reaches this. */
  const OUT_OF_REACH = { ...MEMBER, threshold: 2, trustedKeys: [keyless(), signerRef('missing')] };

  test.each<[string, string, Row]>([
    ['the index is signed and holds it', 'verified', { rules: MEMBER, own: NOBODY, parent: ME }],
    ['it is signed itself', 'verified', { rules: MEMBER, own: ME, parent: { kind: 'none' } }],
    ['it is signed itself, whatever the index is', 'verified', { rules: MEMBER, own: ME, parent: NOBODY }],
    ['D4: without the policy saying so', 'SIGNATURE_MISSING', { rules: {}, own: NOBODY, parent: ME }],
    [
      'D4: the tag holds something else',
      'SIGNATURE_MISSING',
      { rules: MEMBER, own: NOBODY, parent: STRANGER },
    ],
    ['D4: the index is not signed', 'SIGNATURE_MISSING', { rules: MEMBER, own: NOBODY, parent: NOBODY }],
    [
      'D4: the index is signed by another',
      'SIGNATURE_MISSING',
      { rules: MEMBER, own: NOBODY, parent: [EVIL] },
    ],
    ['D4: there is no tag', 'SIGNATURE_MISSING', { rules: MEMBER, own: NOBODY, parent: { kind: 'none' } }],
    ['the index is refused', 'SIGNATURE_MISSING', { rules: MEMBER, own: NOBODY, parent: REFUSED }],
    ['the index is revoked', 'SIGNATURE_MISSING', { rules: revoking(INDEX), own: NOBODY, parent: ME }],
    ['the image itself is revoked', 'DIGEST_REVOKED', { rules: revoking(DIGEST), own: NOBODY, parent: ME }],
    [
      'it was signed by another, and its index by a trusted one',
      'verified',
      { rules: MEMBER, own: [EVIL], parent: ME },
    ],
    [
      'nobody can tell of the image, and the index is signed',
      'verified',
      { rules: MEMBER, own: 'fault', parent: ME },
    ],
    [
      'nobody can tell of the image, and the index is not signed: the image may be',
      'fault REGISTRY_ERROR',
      { rules: MEMBER, own: 'fault', parent: NOBODY },
    ],
    [
      'nobody can tell of the image, and the tag holds something else: the image may be signed',
      'fault REGISTRY_ERROR',
      { rules: MEMBER, own: 'fault', parent: STRANGER },
    ],
    [
      'nobody can tell of the image, and the index is revoked: the image may be signed',
      'fault REGISTRY_ERROR',
      { rules: revoking(INDEX), own: 'fault', parent: ME },
    ],
    [
      'the image is not signed, and nobody can tell of the index: it may be',
      'fault REGISTRY_ERROR',
      { rules: MEMBER, own: NOBODY, parent: 'fault' },
    ],
    [
      'the image is not signed, and nobody can tell which index it is',
      'fault REGISTRY_ERROR',
      { rules: MEMBER, own: NOBODY, parent: UNKNOWN },
    ],
    [
      'something of the index could not be looked at, and it is signed',
      'verified',
      { rules: MEMBER, own: NOBODY, parent: 'fault, though signed' },
    ],
    ['nobody can tell of either', 'fault REGISTRY_ERROR', { rules: MEMBER, own: 'fault', parent: 'fault' }],
    [
      'nobody can tell of an index that is revoked: it would not vouch',
      'SIGNATURE_MISSING',
      { rules: revoking(INDEX), own: NOBODY, parent: 'fault' },
    ],
    [
      'a threshold out of reach, and nobody can tell which index it is: no answer can mend that',
      'THRESHOLD',
      { rules: OUT_OF_REACH, own: NOBODY, parent: UNKNOWN },
    ],
    [
      'a threshold out of reach, and nobody can tell of the index: no answer can mend that',
      'THRESHOLD',
      { rules: OUT_OF_REACH, own: 'fault', parent: 'fault' },
    ],
  ])('%s: %s', (_, expected, row) => {
    expect(codeOf(judge(row))).toBe(expected);
    expect(codeOf(judge({ rules: MEMBER, own: NOBODY, parent: ME }))).toBe('verified');
  });

  test('H13: a key that cannot be had may have signed the index', () => {
    const rules = { ...MEMBER, trustedKeys: [keyless(), keyRef('hashivault://a', 'spec.trustedKeys[1]')] };
    expect(codeOf(judge({ rules, own: NOBODY, parent: [EVIL] }))).toBe('fault KEY_UNAVAILABLE');
    expect(codeOf(judge({ rules, own: NOBODY, parent: NOBODY }))).toBe('SIGNATURE_MISSING');
    expect(codeOf(judge({ rules, own: NOBODY, parent: ME }))).toBe('verified');
  });

  test('what could not be looked at is told of both', () => {
    const faultsOf = (parent: Row['parent']): unknown => {
      const outcome = judge({ rules: MEMBER, own: 'fault', ...(parent !== undefined && { parent }) });
      return outcome.kind === 'faulted' ? outcome.faults : outcome;
    };
    expect(faultsOf('fault')).toEqual([FAULT, FAULT]);
    expect(faultsOf(UNKNOWN)).toEqual([FAULT, FAULT]);
    expect(faultsOf(NOBODY)).toEqual([FAULT]);
  });

  test('why the index does not vouch is told after why the image itself does not', () => {
    const told = (rules: Partial<PolicyRules>, parent: Row['parent']): unknown => {
      const outcome = judge({ rules, own: NOBODY, ...(parent !== undefined && { parent }) });
      return outcome.kind === 'violated' ? outcome.violations.slice(1) : outcome;
    };
    expect(told(MEMBER, NOBODY)).toEqual([
      { code: 'SIGNATURE_MISSING', detail: `its index ${INDEX}: no signature was found` },
    ]);
    expect(told(MEMBER, [EVIL])).toEqual([
      { code: 'IDENTITY_MISMATCH', detail: expect.stringContaining(`its index ${INDEX}: `) },
    ]);
    expect(told(MEMBER, STRANGER)).toEqual([
      { code: 'DIGEST_MISMATCH', detail: expect.stringContaining(INDEX) },
    ]);
    expect(told(revoking(INDEX), ME)).toEqual([
      { code: 'DIGEST_REVOKED', detail: expect.stringContaining(INDEX) },
    ]);
    expect(told(MEMBER, REFUSED)).toEqual([REFUSED.violation]);
  });
});
