import { describe, expect, test } from '@jest/globals';
import { evaluate } from '../../src/policy/evaluate.ts';
import { explain, worstOf } from '../../src/policy/explain.ts';
import type { PolicyExplanation } from '../../src/policy/explanation.ts';
import type { ImageFacts } from '../../src/policy/image-facts.ts';
import type { Snapshot } from '../../src/policy/snapshot.ts';
import {
  certificate,
  DIGEST,
  exactText,
  factsOf,
  foundBy,
  HOUR,
  IMAGE,
  KEY,
  KEY_URI,
  keyIdentity,
  keyless,
  keyRef,
  keysKnown,
  NOW,
  OTHER_DIGEST,
  OTHER_KEY,
  policy,
  publicKey,
  root,
  ROOT_CONTEXT,
  signature,
  signerRef,
  snapshotOf,
  snapshotWith,
  SUBJECT,
  trustRoot,
} from './builders.ts';

/** The explanation of one policy's verdict, which is checked to be that of `evaluate`. */
function explained(snapshot: Snapshot, facts: ImageFacts, now = NOW): PolicyExplanation {
  const [compiled] = snapshot.policies;
  if (compiled === undefined) throw new Error('no policy');
  const { kind, namespace, name, mode } = compiled.policy;
  const outcome = evaluate(compiled, facts, { now, isPod: false });
  const verdict = { policy: { kind, namespace, name }, mode, outcome };
  const digest = facts.digest.kind === 'known' ? facts.digest.digest : undefined;
  const explanation = explain({ image: IMAGE, digest, examined: [{ compiled, facts, verdict }] }, now);
  expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  expect(explanation).toMatchObject({ image: IMAGE, verdict: outcome.kind });
  const [first] = explanation.policies;
  if (first === undefined) throw new Error('no explanation');
  expect(first.verdict).toBe(outcome.kind);
  return first;
}

const evidenceOf = ({ subjects }: PolicyExplanation) => subjects.flatMap(({ evidence }) => evidence);
const summary = (explanation: PolicyExplanation) =>
  evidenceOf(explanation).map(({ source, countsFor, refusals }) => [
    source,
    countsFor.join(),
    refusals.map(({ code, entries }) => `${code} ${entries.join()}`).join('; '),
  ]);

describe('an explanation', () => {
  test('of a verified image: who signed, each proof, and the entry that it counts for', () => {
    const facts = factsOf({
      [ROOT_CONTEXT]: [
        signature({
          source: 'referrer a',
          timestamps: { state: 'valid', proofs: [{ authority: 'sha256:tsa', signedAt: NOW - 2 * HOUR }] },
        }),
      ],
    });
    const at = (ago: number) => new Date(NOW - ago).toISOString();
    expect(explained(snapshotOf(policy()), facts)).toEqual({
      policy: { kind: 'ClusterSigningPolicy', namespace: undefined, name: 'mcp-servers' },
      mode: 'Enforce',
      verdict: 'verified',
      headline: 'Image ghcr.io/org/server:v1 is verified.',
      signers: [
        {
          entry: 'trustedKeys[0]',
          identity: `${SUBJECT} (issuer https://accounts.google.com)`,
          issuer: 'https://accounts.google.com',
          signedAt: at(2 * HOUR),
        },
      ],
      reasons: [],
      warnings: [],
      next: undefined,
      expected: `a signature by ${SUBJECT} (issuer https://accounts.google.com) [trustedKeys[0]]`,
      trustedKeys: [
        {
          entry: 'trustedKeys[0]',
          state: 'usable',
          detail: `${SUBJECT} (issuer https://accounts.google.com)`,
        },
      ],
      subjects: [
        {
          role: 'image',
          digest: DIGEST,
          platform: undefined,
          faults: [],
          evidence: [
            {
              source: 'referrer a',
              content: { kind: 'signature', form: 'statement' },
              proof: {
                signedBy: `${SUBJECT} (issuer https://accounts.google.com)`,
                signer: certificate(),
                digests: [DIGEST],
                log: { state: 'valid', proofs: [{ logId: 'aa', logIndex: '1', integratedAt: at(HOUR) }] },
                timestamps: {
                  state: 'valid',
                  proofs: [{ authority: 'sha256:tsa', signedAt: at(2 * HOUR) }],
                },
              },
              countsFor: ['trustedKeys[0]'],
              refusals: [],
            },
          ],
        },
      ],
    });
  });

  test('shows each piece once, good beside bad, with the reason for each entry', () => {
    const other = keyless({ field: 'spec.trustedKeys[1]' });
    const snapshot = snapshotOf(policy({}, { trustedKeys: [keyless(), other] }));
    const facts = factsOf(
      {
        [ROOT_CONTEXT]: [
          signature({ source: 'a' }),
          signature({ source: 'b', signer: certificate({ issuer: 'https://evil.example' }) }),
          { source: 'c', code: 'SIG_INVALID', detail: 'the signature does not verify' },
          signature({ source: 'd', digests: [OTHER_DIGEST] }),
          signature({
            source: 'e',
            content: { kind: 'attestation', predicateType: 'https://slsa.dev/provenance/v1' },
          }),
        ],
      },
      { refused: [{ source: 'f', code: 'LIMIT', detail: 'it is too large' }] },
    );
    const explanation = explained(snapshot, facts);
    expect(summary(explanation)).toEqual([
      ['a', 'trustedKeys[0],trustedKeys[1]', ''],
      ['b', '', 'IDENTITY_MISMATCH trustedKeys[0]; IDENTITY_MISMATCH trustedKeys[1]'],
      ['c', '', 'SIG_INVALID trustedKeys[0],trustedKeys[1]'],
      ['d', '', 'DIGEST_MISMATCH trustedKeys[0],trustedKeys[1]'],
      ['e', '', 'SIGNATURE_MISSING trustedKeys[0],trustedKeys[1]'],
      ['f', '', 'LIMIT '],
    ]);
    // The place stands in `source`.
    expect(evidenceOf(explanation)[2]?.refusals[0]?.detail).toBe('the signature does not verify');
  });

  test('two pieces in one place are two', () => {
    const facts = factsOf({
      [ROOT_CONTEXT]: [
        signature({ source: 'a' }),
        { source: 'a', code: 'SIG_INVALID', detail: 'the signature does not verify' },
      ],
    });
    expect(summary(explained(snapshotOf(policy()), facts))).toEqual([
      ['a', 'trustedKeys[0]', ''],
      ['a', '', 'SIG_INVALID trustedKeys[0]'],
    ]);
  });

  test('a piece that is good under one of two keys is told by that one', () => {
    const snapshot = snapshotOf(
      policy({}, { trustedKeys: [publicKey(OTHER_KEY), publicKey(KEY, 'spec.trustedKeys[1]')] }),
    );
    const [piece] = evidenceOf(explained(snapshot, factsOf({}, foundBy(snapshot.policies, DIGEST, KEY))));
    expect(piece).toMatchObject({
      proof: { signer: keyIdentity(KEY) },
      countsFor: ['trustedKeys[1]'],
      refusals: [{ code: 'SIG_INVALID', entries: ['trustedKeys[0]'] }],
    });
  });

  test('a piece that verifies under two roots is told by the one that it counts under', () => {
    const mine = keyless({ field: 'spec.trustedKeys[1]', trustRoot: 'mine', subject: exactText(SUBJECT) });
    const stranger = keyless({ subject: exactText('somebody@example.com') });
    const snapshot = snapshotOf(
      policy({}, { trustedKeys: [stranger, mine] }),
      trustRoot('mine', root('root-2')),
    );
    const facts = factsOf({
      [ROOT_CONTEXT]: [signature({ source: 'a' })],
      'root root-2': [signature({ source: 'a', signer: certificate({ trustRoot: 'root-2' }) })],
    });
    expect(evidenceOf(explained(snapshot, facts))).toMatchObject([
      {
        proof: { signer: { trustRoot: 'root-2' } },
        countsFor: ['trustedKeys[1]'],
        refusals: [{ code: 'IDENTITY_MISMATCH', entries: ['trustedKeys[0]'] }],
      },
    ]);
  });

  test('of the versions of one key the one that signed counts, and the others are no news', () => {
    const keys = { [KEY_URI]: keysKnown([OTHER_KEY, KEY]) };
    const snapshot = snapshotWith({ keys }, policy({}, { trustedKeys: [keyRef()] }));
    const explanation = explained(snapshot, factsOf({}, foundBy(snapshot.policies, DIGEST, KEY)));
    expect(summary(explanation)).toEqual([[expect.any(String), 'trustedKeys[0]', '']]);
  });

  test('of several reasons in one entry the one nearest to success is told', () => {
    const keys = { [KEY_URI]: keysKnown([OTHER_KEY, KEY]) };
    const snapshot = snapshotWith({ keys }, policy({}, { trustedKeys: [keyRef()] }));
    const found = foundBy(snapshot.policies, OTHER_DIGEST, KEY);
    expect(summary(explained(snapshot, factsOf({}, found)))[0]?.[2]).toBe('DIGEST_MISMATCH trustedKeys[0]');
  });

  test('names entries that cannot be used, and those that cannot now', () => {
    const keys = { [KEY_URI]: keysKnown([KEY], { usableUntil: NOW }) };
    const snapshot = snapshotWith(
      { keys },
      policy({}, { trustedKeys: [keyRef(), signerRef('gone'), publicKey(KEY, 'spec.trustedKeys[2]')] }),
    );
    const states = (now: number) =>
      explained(snapshot, factsOf({}), now).trustedKeys.map(({ entry, state }) => `${entry} ${state}`);
    expect(states(NOW - 1)).toEqual([
      'trustedKeys[0] usable',
      'trustedKeys[2] usable',
      'TrustedSigner "gone" unusable',
    ]);
    expect(states(NOW)).toEqual([
      'trustedKeys[2] usable',
      'trustedKeys[0] unavailable',
      'TrustedSigner "gone" unusable',
    ]);
  });

  test('has a subject for each platform, and for the index that holds the image', () => {
    const found = { ...factsOf({ [ROOT_CONTEXT]: [signature({ source: 'a' })] }), faults: [] };
    const own = {
      byContext: found.byContext,
      refused: [],
      faults: [{ code: 'TIMEOUT', detail: 'late' }],
    } as const;
    const platforms = {
      platforms: { kind: 'known', platforms: [{ ...own, digest: OTHER_DIGEST, platform: 'linux/arm64' }] },
    } as const;
    const parent = { parent: { kind: 'known', digest: OTHER_DIGEST, ...own } } as const;
    const subjects = (more: Partial<ImageFacts>) =>
      explained(snapshotOf(policy()), factsOf({}, more)).subjects.map(
        ({ role, digest, platform, faults }) => [role, digest, platform, faults.length],
      );
    expect(subjects({})).toEqual([['image', DIGEST, undefined, 0]]);
    expect(subjects(platforms)).toEqual([
      ['image', DIGEST, undefined, 0],
      ['platform', OTHER_DIGEST, 'linux/arm64', 1],
    ]);
    expect(subjects(parent)).toEqual([
      ['image', DIGEST, undefined, 0],
      ['index', OTHER_DIGEST, undefined, 1],
    ]);
  });

  test('of a violated and of a faulted image has the words of the denial', () => {
    const violated = explained(snapshotOf(policy()), factsOf({}));
    expect(violated).toMatchObject({
      headline: 'Image ghcr.io/org/server:v1 is not signed. Signature required.',
      reasons: [{ code: 'SIGNATURE_MISSING', detail: 'no signature was found' }],
      next: expect.stringContaining('cosign sign'),
    });
    const fault = { code: 'REGISTRY_UNREACHABLE', detail: 'registry ghcr.io could not be reached' } as const;
    expect(explained(snapshotOf(policy()), factsOf({}, { digest: { kind: 'fault', fault } }))).toMatchObject({
      headline: 'Image ghcr.io/org/server:v1 could not be verified: its registry cannot be reached.',
      reasons: [fault],
      subjects: [],
    });
  });

  test('keeps sentences short and printable, and values exact', () => {
    const name = `https://evil.example/\u001b[2J${'x'.repeat(400)}`;
    const facts = factsOf({
      [ROOT_CONTEXT]: [
        signature({ source: 'a\u0007', signer: certificate({ names: [{ type: 'uri', value: name }] }) }),
      ],
    });
    const [piece] = evidenceOf(explained(snapshotOf(policy()), facts));
    expect(piece?.source).toBe('a\\u{7}');
    expect(piece?.proof?.signedBy).toMatch(/^https:\/\/evil\.example\/\\u\{1b\}\[2Jx+…$/);
    expect(piece?.proof?.signedBy).toHaveLength(256);
    expect(piece?.refusals[0]?.detail).toHaveLength(256);
    expect(piece?.proof?.signer).toMatchObject({ names: [{ value: name }] });
  });

  test('shows a few digests of a statement about many', () => {
    const digests = [DIGEST, ...Array.from({ length: 1000 }, () => OTHER_DIGEST)];
    const facts = factsOf({ [ROOT_CONTEXT]: [signature({ digests })] });
    expect(evidenceOf(explained(snapshotOf(policy()), facts))[0]?.proof?.digests).toHaveLength(8);
  });

  test('tells proofs that are not there, and those that do not verify', () => {
    const log = { state: 'invalid', code: 'TLOG_INVALID', detail: 'the promise does not verify' } as const;
    const facts = factsOf({ [ROOT_CONTEXT]: [signature({ log })] });
    expect(evidenceOf(explained(snapshotOf(policy()), facts))[0]?.proof).toMatchObject({
      log,
      timestamps: { state: 'absent' },
    });
  });

  test('of a policy that asks for no signature looks at none', () => {
    const snapshot = snapshotOf(policy({}, { requireSignature: false, revokedDigests: new Set([DIGEST]) }));
    const explanation = explained(snapshot, factsOf({ [ROOT_CONTEXT]: [signature()] }));
    expect(explanation).toMatchObject({ subjects: [], trustedKeys: [], expected: undefined });
    expect(explanation.reasons.map(({ code }) => code)).toEqual(['DIGEST_REVOKED']);
  });

  test('of an image that no policy is about is a no', () => {
    expect(explain({ image: IMAGE, digest: DIGEST, examined: [] }, NOW)).toMatchObject({
      verdict: 'violated',
      policies: [
        {
          policy: undefined,
          headline: 'Image ghcr.io/org/server:v1 is covered by no policy.',
          reasons: [{ code: 'NO_POLICY' }],
        },
      ],
    });
  });
});

test('across policies and images violated > faulted > verified', () => {
  expect(worstOf([])).toBe('verified');
  expect(worstOf(['verified', 'faulted'])).toBe('faulted');
  expect(worstOf(['faulted', 'violated', 'verified'])).toBe('violated');
});

test('an exception is named beside the verdict, which stays what it is', () => {
  const [compiled] = snapshotOf(policy()).policies;
  if (compiled === undefined) throw new Error('no policy');
  const facts = factsOf({});
  const outcome = evaluate(compiled, facts, { now: NOW, isPod: false });
  const verdict = { policy: undefined, mode: 'Enforce', outcome } as const;
  const told = (exception?: { name: string; expiresAt: number }) =>
    explain(
      {
        image: IMAGE,
        digest: DIGEST,
        examined: [{ compiled, facts, verdict: { ...verdict, ...(exception && { exception }) } }],
      },
      NOW,
    );
  expect(told({ name: 'incident-1', expiresAt: NOW + HOUR })).toMatchObject({
    verdict: 'violated',
    policies: [{ exception: { name: 'incident-1', expiresAt: '2026-11-22T13:00:00.000Z' } }],
  });
  expect(told().policies[0]).not.toHaveProperty('exception');
});
