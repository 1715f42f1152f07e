import { describe, expect, test } from '@jest/globals';
import { decide, type Asked } from '../../src/policy/decide.ts';
import type { Decision, ImageVerdicts } from '../../src/policy/decision.ts';
import { redacted } from '../../src/policy/private-image.ts';
import type { Outcome, Verdict } from '../../src/policy/verdict.ts';
import { DIGEST, NOW, OTHER_DIGEST, policy, snapshotOf } from './builders.ts';

/** D6: what only a pull secret can see is told to nobody who has not shown who they are. */

const ASKED: Asked = {
  uid: 'u-1',
  operation: 'CREATE',
  dryRun: false,
  object: { kind: 'Pod', namespace: 'mcp', name: 'server' },
  user: 'jane',
};
const SNAPSHOT = snapshotOf(policy());
const SECRETS = [DIGEST, OTHER_DIGEST, 'secret-signer', 'secret-issuer', 'secret detail', '2026-11-22'];
const detail = `secret detail ${OTHER_DIGEST} by secret-signer at 2026-11-22`;

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  violated: {
    kind: 'violated',
    violations: [
      { code: 'IDENTITY_MISMATCH', detail },
      { code: 'DIGEST_MISMATCH', detail: `another ${detail}` },
    ],
  },
  faulted: {
    kind: 'faulted',
    faults: [
      { code: 'REGISTRY_ERROR', detail },
      { code: 'KEY_UNAVAILABLE', detail: `another ${detail}` },
    ],
  },
  verified: {
    kind: 'verified',
    signers: [{ entry: 'trustedKeys[0]', identity: 'secret-signer', issuer: 'secret-issuer', signedAt: NOW }],
    warnings: ['ghcr.io/org/server:v1: verified as its tag resolves now'],
  },
};

function image(isPrivate: boolean, ...verdicts: Verdict[]): ImageVerdicts {
  return {
    image: 'ghcr.io/org/server:v1',
    field: 'spec.containers[0].image',
    place: 'container "server"',
    digest: DIGEST,
    isPrivate,
    verdicts,
  };
}

function verdict(outcome: Outcome, mode: Verdict['mode'], name = 'mcp-servers'): Verdict {
  return { policy: { kind: 'ClusterSigningPolicy', namespace: undefined, name }, mode, outcome };
}

/** Everything of a decision that leaves the process for whoever asked. */
function answer({ message, warnings, auditAnnotations, codes }: Decision): string {
  return JSON.stringify({ message, warnings, auditAnnotations, codes });
}

const ROWS = Object.entries(OUTCOMES).flatMap(([name, outcome]) =>
  (['Enforce', 'Warn', 'Audit'] as const).map((mode) => [name, mode, outcome] as const),
);

describe('a private image', () => {
  test.each(ROWS)('that is %s under %s: codes, and nothing else', (_, mode, outcome) => {
    const decided = (isPrivate: boolean): Decision =>
      decide(ASKED, SNAPSHOT, [image(isPrivate, verdict(outcome, mode))], []);
    const open = decided(false);
    const closed = decided(true);
    for (const secret of SECRETS) expect(answer(closed)).not.toContain(secret);
    expect(SECRETS.some((secret) => answer(open).includes(secret))).toBe(true);
    expect(closed).toMatchObject({ allowed: open.allowed, code: open.code, codes: open.codes });
    const codes = (decision: Decision): unknown =>
      JSON.parse(decision.auditAnnotations['verdicts'] ?? '')[0].codes;
    expect(codes(closed)).toEqual(codes(open));
  });

  test('beside one that is not: each is told as far as it may be', () => {
    const bad = OUTCOMES['violated'] as Outcome;
    const other = {
      ...image(false, verdict(bad, 'Enforce')),
      image: 'ghcr.io/org/open:v1',
      digest: OTHER_DIGEST,
    };
    const { message } = decide(ASKED, SNAPSHOT, [image(true, verdict(bad, 'Enforce')), other], []);
    const [first = '', second = ''] = message.split('\n\n');
    expect(first).toContain('ghcr.io/org/server:v1');
    expect(first).toContain('digest:    not told');
    expect(first).not.toContain('secret detail');
    expect(second).toContain(`digest:    ${OTHER_DIGEST}`);
    expect(second).toContain('secret detail');
  });

  test('the message still says which policy, what it expects and what to do', () => {
    const { message } = decide(
      ASKED,
      SNAPSHOT,
      [
        image(
          true,
          verdict({ kind: 'violated', violations: [{ code: 'SIGNATURE_MISSING', detail }] }, 'Enforce'),
        ),
      ],
      [],
    );
    expect(message.split('\n')).toEqual([
      'Image ghcr.io/org/server:v1 is not signed. Signature required.',
      '  in:        container "server" (spec.containers[0].image)',
      '  policy:    ClusterSigningPolicy "mcp-servers"',
      '  digest:    not told',
      expect.stringMatching(/^ {2}found: {5}not told here, .*pull secret.* \[SIGNATURE_MISSING\]$/),
      expect.stringContaining('expected:  a signature by build@example.com'),
      '  next:      sign it (cosign sign ghcr.io/org/server@DIGEST), or use an image that is signed',
    ]);
  });

  test("the decision's own images keep everything, for the log", () => {
    const whole = [image(true, verdict(OUTCOMES['violated'] as Outcome, 'Enforce'))];
    expect(decide(ASKED, SNAPSHOT, whole, []).images).toBe(whole);
  });

  test('one that is not private is left as it is', () => {
    const whole = image(false, verdict(OUTCOMES['verified'] as Outcome, 'Enforce'));
    expect(redacted(whole)).toBe(whole);
    expect(redacted({ ...whole, isPrivate: true })).not.toEqual({ ...whole, isPrivate: true });
  });
});
