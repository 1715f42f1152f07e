import { describe, expect, test } from '@jest/globals';
import { parseGlob } from '../../src/image/glob.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { exceptionFor, exceptionsInForce, isInForce } from '../../src/policy/exception.ts';
import type { ImageFacts, PlatformsFact } from '../../src/policy/image-facts.ts';
import type { FaultReason, Outcome, Verdict, ViolationCode } from '../../src/policy/verdict.ts';
import {
  DIGEST,
  exception,
  factsOf,
  HOUR,
  IMAGE,
  NOW,
  OTHER_DIGEST,
  policy,
  snapshotOf,
} from './builders.ts';

const violated = (...codes: [ViolationCode, ...ViolationCode[]]): Outcome => {
  const [first, ...rest] = codes.map((code) => ({ code, detail: '' }));
  if (first === undefined) throw new Error('none');
  return { kind: 'violated', violations: [first, ...rest] };
};
const faulted = (code: FaultReason['code']): Outcome => ({ kind: 'faulted', faults: [{ code, detail: '' }] });
const UNSIGNED = violated('SIGNATURE_MISSING');

interface Asked {
  readonly exception?: ReturnType<typeof exception>;
  readonly policy?: ReturnType<typeof policy>;
  readonly verdict?: Partial<Verdict>;
  readonly facts?: Partial<ImageFacts>;
  readonly namespace?: string | undefined;
  readonly now?: number;
  /** The installation's own rule rather than the policy. */
  readonly noMatch?: boolean;
}

/** Name of the exception that is applied; undefined = none. */
function applied(asked: Asked = {}): string | undefined {
  const { now = NOW, namespace = 'mcp', noMatch = false } = asked;
  const snapshot = snapshotOf(asked.policy ?? policy(), asked.exception ?? exception());
  const [compiled] = snapshot.policies;
  if (compiled === undefined) throw new Error('no policy');
  const { kind, namespace: own, name, mode } = compiled.policy;
  const identity = noMatch ? undefined : { kind, namespace: own, name };
  const verdict: Verdict = { policy: identity, mode, outcome: UNSIGNED, ...asked.verdict };
  const facts: ImageFacts = { ...factsOf({}), ...asked.facts };
  const inForce = exceptionsInForce(snapshot, namespace, now);
  return exceptionFor(verdict, noMatch ? undefined : compiled, facts, inForce)?.name;
}

const NAMED = (...policies: string[]) => exception('incident-1', { policies: new Set(policies) });
const TEAM = policy({ kind: 'SigningPolicy', namespace: 'mcp', name: 'mcp-servers' });

describe('an exception lifts what a policy says', () => {
  test.each<[string, Asked, Asked]>([
    ['of another namespace', {}, { namespace: 'mcp2' }],
    [
      'of an image that it does not match',
      {},
      { facts: { reference: parseImageReference('quay.io/org/server:v1') } },
    ],
    ['of an image below its glob', {}, { facts: { reference: parseImageReference('ghcr.io/org/a/b:v1') } }],
    [
      'of a policy that it does not name',
      { exception: NAMED('mcp-servers') },
      { exception: NAMED('others') },
    ],
    [
      'of a SigningPolicy by the name of a cluster policy',
      { policy: TEAM, exception: NAMED('mcp/mcp-servers') },
      { policy: TEAM, exception: NAMED('mcp-servers') },
    ],
    [
      'of a ClusterSigningPolicy by the name of a namespaced one',
      { exception: NAMED('mcp-servers') },
      { exception: NAMED('mcp/mcp-servers') },
    ],
    [
      'of the installation, where it names policies',
      { noMatch: true },
      { noMatch: true, exception: NAMED('mcp-servers') },
    ],
    ['after its end', { now: NOW + HOUR - 1 }, { now: NOW + HOUR }],
    ['with problems in its document', {}, { exception: { ...exception(), grant: undefined } }],
    ['in Warn', {}, { verdict: { mode: 'Warn' } }],
    ['in Audit', {}, { verdict: { mode: 'Audit' } }],
    ['of a verified image', {}, { verdict: { outcome: { kind: 'verified', signers: [], warnings: [] } } }],
    ['of a revoked digest', {}, { verdict: { outcome: violated('DIGEST_REVOKED') } }],
    [
      'of a revoked digest, whatever stands before it',
      {},
      { verdict: { outcome: violated('SIGNATURE_MISSING', 'DIGEST_REVOKED') } },
    ],
    ['of a reference that no node accepts', {}, { verdict: { outcome: violated('REF_INVALID') } }],
    ['of a reference that cannot be parsed', {}, { facts: { reference: { problem: 'odd' } } }],
    ['of an object of another shape', {}, { verdict: { outcome: violated('REVIEW_INVALID') } }],
    [
      'of policies that are not known',
      { verdict: { outcome: faulted('REGISTRY_UNREACHABLE') } },
      { verdict: { outcome: faulted('NOT_SYNCED') } },
    ],
    [
      'of a defect',
      { verdict: { outcome: faulted('TIMEOUT') } },
      { verdict: { outcome: faulted('INTERNAL') } },
    ],
  ])('and not %s', (_, twin, asked) => {
    expect(applied(twin)).toBe('incident-1');
    expect(applied(asked)).toBeUndefined();
  });

  test('no namespace has none', () => {
    const snapshot = snapshotOf(exception());
    expect(exceptionsInForce(snapshot, 'mcp', NOW)).toHaveLength(1);
    expect(exceptionsInForce(snapshot, undefined, NOW)).toEqual([]);
    expect(exceptionsInForce(snapshot, '', NOW)).toEqual([]);
  });

  test('C12: two exceptions are not added up: one of them must cover namespace, image, policy and time', () => {
    const verdict: Verdict = {
      policy: { kind: 'ClusterSigningPolicy', namespace: undefined, name: 'mcp-servers' },
      mode: 'Enforce',
      outcome: UNSIGNED,
    };
    const names = (...exceptions: ReturnType<typeof exception>[]) => {
      const snapshot = snapshotOf(policy(), ...exceptions);
      const inForce = exceptionsInForce(snapshot, 'mcp', NOW);
      return exceptionFor(verdict, snapshot.policies[0], factsOf({}), inForce)?.name;
    };
    // Each covers all but one thing, which the others do cover.
    const partial = [
      exception('other-namespace', { namespaces: new Set(['ingress', 'mcp2']) }),
      exception('other-image', { images: [parseGlob('quay.io/org/*')] }),
      exception('other-policy', { policies: new Set(['others', 'mcp/mcp-servers']) }),
      exception('over', { expiresAt: NOW }),
    ];
    for (const [index] of partial.entries())
      expect(names(...partial.slice(index), ...partial.slice(0, index))).toBeUndefined();
    expect(names(...partial, exception('whole'))).toBe('whole');
    expect(names(exception('whole', { policies: new Set(['mcp-servers']) }), ...partial)).toBe('whole');
  });

  test('of several the one that lasts longest is told, whatever order they came in', () => {
    const short = exception('a-short');
    const long = exception('z-long', { expiresAt: NOW + 2 * HOUR });
    const other = exception('b-other', { expiresAt: NOW + 3 * HOUR, images: [parseGlob('quay.io/**')] });
    for (const order of [
      [short, long, other],
      [other, long, short],
    ]) {
      const inForce = exceptionsInForce(snapshotOf(policy(), ...order), 'mcp', NOW);
      const verdict: Verdict = { policy: undefined, mode: 'Enforce', outcome: UNSIGNED };
      expect(exceptionFor(verdict, undefined, factsOf({}), inForce)).toEqual({
        name: 'z-long',
        expiresAt: NOW + 2 * HOUR,
      });
    }
    expect(isInForce(short, NOW + HOUR)).toBe(false);
  });
});

describe('a revocation that nobody could look at is not passed by', () => {
  const revoking = policy({}, { revokedDigests: new Set([OTHER_DIGEST]) });
  const known = (digest: string): PlatformsFact => ({
    kind: 'known',
    platforms: [{ digest, platform: 'linux/amd64', byContext: new Map(), refused: [], faults: [] }],
  });
  const fault = { code: 'REGISTRY_AUTH', detail: '' } as const;

  test.each<[string, Partial<ImageFacts>]>([
    ['a tag that cannot be resolved', { digest: { kind: 'fault', fault } }],
    ['a digest that was never asked for', { digest: { kind: 'unasked' } }],
    [
      'a digest of another algorithm',
      { digest: { kind: 'known', digest: `sha512:${'a'.repeat(128)}`, withPullSecret: false } },
    ],
    ['an index whose platforms cannot be read', { platforms: { kind: 'fault', fault } }],
    [
      'an index that is refused',
      { platforms: { kind: 'refused', violation: { code: 'LIMIT', detail: '' } } },
    ],
    ['an index with a revoked platform', { platforms: known(OTHER_DIGEST) }],
  ])('%s', (_, facts) => {
    expect(applied({ policy: revoking, facts })).toBeUndefined();
    // The twins: nothing is revoked; and the digest is one that is not.
    expect(applied({ facts })).toBe('incident-1');
    expect(applied({ policy: revoking, facts: { platforms: known(DIGEST) } })).toBe('incident-1');
  });

  test('a policy that cannot be read: only where it lists none', () => {
    const broken = (revokes: boolean) =>
      policy({ rules: undefined, revokes, problems: [{ field: 'spec.threshold', message: 'bad' }] });
    const verdict = { outcome: violated('POLICY_INVALID') };
    expect(applied({ policy: broken(false), verdict })).toBe('incident-1');
    expect(applied({ policy: broken(true), verdict })).toBeUndefined();
  });

  test('a tag under RequireDigest that cannot be resolved is "no" before it is revoked', () => {
    const strict = policy({}, { revokedDigests: new Set([DIGEST]), tagPolicy: 'RequireDigest' });
    const snapshot = snapshotOf(strict);
    const [compiled] = snapshot.policies;
    if (compiled === undefined) throw new Error('no policy');
    const facts: ImageFacts = {
      ...factsOf({}),
      reference: parseImageReference(IMAGE.split('@')[0] ?? ''),
      digest: { kind: 'fault', fault },
    };
    const outcome = evaluate(compiled, facts, { now: NOW, isPod: true });
    expect(outcome).toMatchObject({ violations: [{ code: 'DIGEST_REQUIRED' }] });
    expect(applied({ policy: strict, facts, verdict: { outcome } })).toBeUndefined();
  });
});
