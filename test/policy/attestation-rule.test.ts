import { describe, expect, test } from '@jest/globals';
import type { ConditionResult } from '../../src/api/condition.ts';
import type { AttestationDemand, Resource } from '../../src/api/resources.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { ImageFacts, VerifiedFact } from '../../src/policy/image-facts.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import type { RefusedEvidence } from '../../src/sigstore/verified-signature.ts';
import {
  certificate,
  codeOf,
  exactText,
  factsOf,
  HOUR,
  KEY,
  KEY_CONTEXT,
  KEY_URI,
  keyIdentity,
  keyless,
  keyRef,
  keysKnown,
  NOT_READ,
  NOW,
  OTHER_DIGEST,
  policy,
  publicKey,
  root,
  ROOT_CONTEXT,
  rootKnown,
  signature,
  signer,
  snapshotWith,
  type Elsewhere,
} from './builders.ts';
import {
  attestation,
  attestationDemand,
  attestationsOnly,
  condition,
  provenance,
  refused,
  SCAN_TYPE,
} from './statement-facts.ts';

/** What each of a policy's `attestations` makes of facts. */

type Fact = VerifiedFact | RefusedEvidence;
type Contexts = Readonly<Record<string, readonly Fact[]>>;

interface World {
  readonly demand?: Partial<AttestationDemand>;
  readonly resources?: readonly Resource[];
  readonly elsewhere?: Elsewhere;
  readonly facts?: Partial<ImageFacts>;
}

const DAY = 24 * HOUR;

function judge(
  contexts: Contexts | readonly Fact[],
  { demand = {}, resources = [], elsewhere = {}, facts = {} }: World = {},
): Outcome {
  const rules = attestationsOnly(attestationDemand(demand));
  const [compiled] = snapshotWith(elsewhere, policy({}, rules), ...resources).policies;
  if (compiled === undefined) throw new Error('no policy');
  const byContext = Array.isArray(contexts)
    ? { [ROOT_CONTEXT]: contexts as readonly Fact[] }
    : (contexts as Contexts);
  return evaluate(compiled, factsOf(byContext, facts), { now: NOW, isPod: true });
}

const codes = (outcome: Outcome): readonly string[] =>
  outcome.kind === 'violated' ? outcome.violations.map(({ code }) => code) : [codeOf(outcome)];
const signedAt = (time: number): Partial<VerifiedFact> => ({
  log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: time }] },
});
const stamped = (time: number): Partial<VerifiedFact> => ({
  timestamps: { state: 'valid', proofs: [{ authority: 'tsa', signedAt: time }] },
});
const results = (entries: Readonly<Record<string, ConditionResult>>): Partial<VerifiedFact> => ({
  conditions: new Map(Object.entries(entries)),
});
const HOLDS: ConditionResult = { holds: true };
const NOT: ConditionResult = { holds: false, why: 'it is false' };
const CLEAN = condition('size(predicate.critical) == 0', 'no critical finding');
const COMPLETE = condition('predicate.complete', 'a complete scan');
const STRANGER = certificate({ names: [{ type: 'email', value: 'evil@example.com' }] });

describe('one attestation', () => {
  const bad: Readonly<
    Record<
      string,
      readonly [Partial<AttestationDemand>, Partial<VerifiedFact>, Partial<VerifiedFact>, string]
    >
  > = {
    'B3: of another image': [{}, {}, { digests: [OTHER_DIGEST] }, 'DIGEST_MISMATCH'],
    'B3: of no image': [{}, {}, { digests: [] }, 'DIGEST_MISMATCH'],
    'by a stranger': [{}, {}, { signer: STRANGER }, 'IDENTITY_MISMATCH'],
    'by a key': [{}, {}, { signer: keyIdentity() }, 'IDENTITY_MISMATCH'],
    'without an entry in the log': [{}, {}, { log: { state: 'absent' } }, 'TLOG_MISSING'],
    'with a log entry of another': [
      {},
      {},
      { log: { state: 'invalid', code: 'TLOG_MISMATCH', detail: 'x' } },
      'TLOG_MISMATCH',
    ],
    'B16: too old': [
      { maxAge: 30 * DAY },
      signedAt(NOW - 30 * DAY),
      signedAt(NOW - 30 * DAY - 1),
      'ATT_STALE',
    ],
    'B16: old, with a new timestamp': [
      { maxAge: 30 * DAY },
      signedAt(NOW - DAY),
      { ...signedAt(NOW - 400 * DAY), ...stamped(NOW - HOUR) },
      'ATT_STALE',
    ],
    'B16: of no trusted time': [
      { maxAge: 30 * DAY },
      {},
      { log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: undefined }] } },
      'ATT_STALE',
    ],
    'B16: from the future': [{}, signedAt(NOW + 4 * 60_000), signedAt(NOW + HOUR), 'TIME_UNTRUSTED'],
    'that says otherwise': [
      { conditions: [CLEAN] },
      results({ [CLEAN.source]: HOLDS }),
      results({ [CLEAN.source]: NOT }),
      'ATT_CONDITION',
    ],
    'that says half of it': [
      { conditions: [CLEAN, COMPLETE] },
      results({ [CLEAN.source]: HOLDS, [COMPLETE.source]: HOLDS }),
      results({ [CLEAN.source]: HOLDS, [COMPLETE.source]: NOT }),
      'ATT_CONDITION',
    ],
    'B18: whose condition nobody evaluated': [
      { conditions: [CLEAN] },
      results({ [CLEAN.source]: HOLDS }),
      results({}),
      'ATT_CONDITION',
    ],
    'B18: that was held against another text': [
      { conditions: [CLEAN] },
      results({ [CLEAN.source]: HOLDS }),
      results({ [`${CLEAN.source} `]: HOLDS }),
      'ATT_CONDITION',
    ],
  };
  test.each(Object.entries(bad))('%s', (_, [demand, good, changes, code]) => {
    expect(codeOf(judge([attestation(good)], { demand }))).toBe('verified');
    const fact = attestation({ ...good, ...changes });
    expect(codes(judge([fact], { demand }))).toEqual([code]);
    // B15: beside a good one it does no harm, on either side.
    expect(codeOf(judge([fact, attestation(good)], { demand }))).toBe('verified');
    expect(codeOf(judge([attestation(good), fact], { demand }))).toBe('verified');
    // One that is good but for another reason makes up for nothing: the two are not put together.
    expect(codeOf(judge([fact, attestation({ ...good, digests: [OTHER_DIGEST] })], { demand }))).not.toBe(
      'verified',
    );
  });

  test('by any of its signers, and told as one of them', () => {
    const second = keyless({
      field: 'spec.attestations[0].signers[1]',
      subject: exactText('evil@example.com'),
    });
    const demand = { signers: [keyless({ field: 'spec.attestations[0].signers[0]' }), second] };
    expect(judge([attestation({ signer: STRANGER })], { demand })).toMatchObject({
      kind: 'verified',
      signers: [{ entry: 'attestations[0].signers[1]' }],
    });
    // Of one statement that was held against both, the best reason is told once.
    const stale = judge([attestation({ ...signedAt(NOW - DAY) })], { demand: { ...demand, maxAge: HOUR } });
    expect(codes(stale)).toEqual(['ATT_STALE']);
  });

  test('by a key, and by a TrustedSigner with its dates', () => {
    const facts = { [KEY_CONTEXT]: [attestation({ signer: keyIdentity() })] };
    expect(codeOf(judge(facts, { demand: { signers: [publicKey()] } }))).toBe('verified');
    const named = { demand: { signers: [{ kind: 'signerRef', field: 'x', name: 'release-ci' } as const] } };
    const good = signer({ identity: publicKey(KEY, 'spec') as never });
    expect(codeOf(judge(facts, { ...named, resources: [good] }))).toBe('verified');
    expect(codeOf(judge(facts, { ...named, resources: [{ ...good, enabled: false }] }))).toBe(
      'SIGNER_DISABLED',
    );
    expect(codeOf(judge(facts, { ...named, resources: [{ ...good, expiresAt: NOW }] }))).toBe(
      'SIGNER_EXPIRED',
    );
    expect(codeOf(judge(facts, named))).toBe('POLICY_INVALID');
  });

  test('the reason that is nearest to success comes first, whatever is found first', () => {
    const facts = [
      attestation({ digests: [OTHER_DIGEST] }),
      attestation({ signer: STRANGER }),
      attestation(signedAt(NOW - 400 * DAY)),
      refused(),
    ];
    const demand = { maxAge: DAY };
    for (const order of [facts, facts.toReversed()]) {
      expect(codes(judge(order, { demand }))).toEqual([
        'ATT_STALE',
        'IDENTITY_MISMATCH',
        'DIGEST_MISMATCH',
        'CERT_INVALID',
      ]);
    }
  });

  test('B1, B2: nothing else is one', () => {
    const others = [signature(), provenance(), attestation({}, SCAN_TYPE)];
    expect(codes(judge(others))).toEqual(['ATT_MISSING']);
    expect(codeOf(judge([...others, attestation()]))).toBe('verified');
    const { claims: _, ...badSignature } = refused();
    expect(codes(judge([badSignature]))).toEqual(['ATT_MISSING']);
    expect(codes(judge([refused()]))).toEqual(['ATT_MISSING', 'CERT_INVALID']);
    expect(codes(judge([], { facts: { refused: [refused({ code: 'MALFORMED' })] } }))).toEqual([
      'MALFORMED',
      'ATT_MISSING',
    ]);
  });

  test('a statement of another context does not count: it was not verified with this entry', () => {
    expect(codeOf(judge({ [ROOT_CONTEXT]: [attestation()] }))).toBe('verified');
    expect(codeOf(judge({ [ROOT_CONTEXT]: [], 'root root-2': [attestation()] }))).toBe('ATT_MISSING');
  });
});

describe('faults and violations', () => {
  const down = { code: 'REGISTRY_UNREACHABLE', detail: 'down' } as const;
  const byKey = { signers: [keyRef(KEY_URI, 'spec.attestations[0].signers[0]')] };
  const either = { signers: [keyless({ field: 'spec.attestations[0].signers[1]' }), ...byKey.signers] };
  const known = { keys: { [KEY_URI]: keysKnown() } };
  const old = { keys: { [KEY_URI]: keysKnown([KEY], { usableUntil: NOW }) } };
  const mine = attestation({ signer: keyIdentity() });
  test.each<[string, Contexts, World, string]>([
    ['good beside a fault', { [ROOT_CONTEXT]: [attestation()] }, { facts: { faults: [down] } }, 'verified'],
    [
      'nothing beside a fault',
      { [ROOT_CONTEXT]: [] },
      { facts: { faults: [down] } },
      'fault REGISTRY_UNREACHABLE',
    ],
    [
      'bad beside a fault',
      { [ROOT_CONTEXT]: [attestation({ signer: STRANGER })] },
      { facts: { faults: [down] } },
      'fault REGISTRY_UNREACHABLE',
    ],
    ['key known', { [KEY_CONTEXT]: [mine] }, { demand: byKey, elsewhere: known }, 'verified'],
    ['no key, nobody could look', {}, { demand: byKey }, 'fault KEY_UNAVAILABLE'],
    [
      'no key, an attestation was found',
      { [ROOT_CONTEXT]: [refused()] },
      { demand: byKey },
      'fault KEY_UNAVAILABLE',
    ],
    ['no key, none was found', { [ROOT_CONTEXT]: [signature()] }, { demand: byKey }, 'ATT_MISSING'],
    [
      'a key that has become too old',
      { [KEY_CONTEXT]: [mine] },
      { demand: byKey, elsewhere: old },
      'fault KEY_UNAVAILABLE',
    ],
    ['no key, another signer signed', { [ROOT_CONTEXT]: [attestation()] }, { demand: either }, 'verified'],
    [
      'no key, another signer did not',
      { [ROOT_CONTEXT]: [attestation({ signer: STRANGER })] },
      { demand: either },
      'fault KEY_UNAVAILABLE',
    ],
    ['no key, another signer, nothing found', { [ROOT_CONTEXT]: [] }, { demand: either }, 'ATT_MISSING'],
    ['no root', {}, { elsewhere: { roots: { 'public-good': NOT_READ } } }, 'fault TRUSTROOT_UNAVAILABLE'],
    [
      'an old root',
      { [ROOT_CONTEXT]: [attestation()] },
      { elsewhere: { roots: { 'public-good': rootKnown(root(), { usableUntil: NOW }) } } },
      'fault TRUSTROOT_UNAVAILABLE',
    ],
    [
      'a broken signer',
      {},
      {
        demand: { signers: [{ kind: 'broken', field: 'x', problem: { field: 'x', message: 'bad' } }] },
        facts: { faults: [down] },
      },
      'POLICY_INVALID',
    ],
    [
      'a broken signer beside a good one',
      { [ROOT_CONTEXT]: [attestation()] },
      {
        demand: {
          signers: [
            { kind: 'broken', field: 'x', problem: { field: 'x', message: 'bad' } },
            keyless({ field: 'y' }),
          ],
        },
      },
      'verified',
    ],
  ])('%s', (_, contexts, world, expected) => {
    expect(codeOf(judge(contexts, world))).toBe(expected);
  });
});
