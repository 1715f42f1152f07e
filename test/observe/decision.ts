import type { Decision } from '../../src/policy/decision.ts';
import type { Verdict } from '../../src/policy/verdict.ts';

/** One admitted decision of one image; each test changes what it is about. */
export function decision(changes: Partial<Decision> = {}): Decision {
  return {
    uid: 'u-1',
    operation: 'CREATE',
    dryRun: false,
    object: { kind: 'Pod', namespace: 'mcp', name: 'server' },
    user: 'system:serviceaccount:mcp:deployer',
    allowed: true,
    code: 200,
    message: '',
    codes: [],
    warnings: [],
    auditAnnotations: {},
    images: [],
    snapshot: 7,
    ...changes,
  };
}

export function image(verdicts: readonly Verdict[], name = 'ghcr.io/org/server:v1') {
  return {
    image: name,
    field: 'spec.containers[0].image',
    place: 'container "server"',
    digest: undefined,
    isPrivate: false,
    verdicts,
  };
}

export const policyIdentity = { kind: 'SigningPolicy', namespace: 'mcp', name: 'servers' } as const;

export function violated(mode: Verdict['mode'] = 'Enforce'): Verdict {
  const violations = [{ code: 'SIGNATURE_MISSING', detail: 'nothing was found' }] as const;
  return { policy: policyIdentity, mode, outcome: { kind: 'violated', violations } };
}

export function faulted(mode: Verdict['mode'] = 'Enforce'): Verdict {
  const faults = [{ code: 'REGISTRY_UNREACHABLE', detail: 'ghcr.io did not answer' }] as const;
  return { policy: policyIdentity, mode, outcome: { kind: 'faulted', faults } };
}

export function verified(mode: Verdict['mode'] = 'Enforce'): Verdict {
  const signers = [
    { entry: 'ci', identity: 'https://issuer build@example.com', issuer: 'https://issuer', signedAt: 1 },
  ];
  return { policy: policyIdentity, mode, outcome: { kind: 'verified', signers, warnings: [] } };
}
