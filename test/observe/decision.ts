import type { Decision } from '../../src/policy/decision.ts';
import type { ProvenanceFinding, Verdict } from '../../src/policy/verdict.ts';

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

/** By slsa-github-generator, at level 3 unless the test says otherwise. */
export function built(changes: Partial<ProvenanceFinding> = {}, mode: Verdict['mode'] = 'Enforce'): Verdict {
  const provenance: ProvenanceFinding = {
    level: 3,
    builder: 'https://github.com/slsa-framework/slsa-github-generator/x.yml@refs/tags/v2.1.0',
    source: 'https://github.com/acme/app',
    ref: 'refs/heads/main',
    commit: '4b22',
    evidence: 'referrer 1',
    signedAt: 1,
    ...changes,
  };
  return {
    policy: policyIdentity,
    mode,
    outcome: { kind: 'verified', signers: [], provenance, warnings: [] },
  };
}

export function verified(mode: Verdict['mode'] = 'Enforce'): Verdict {
  const signers = [
    { entry: 'ci', identity: 'https://issuer build@example.com', issuer: 'https://issuer', signedAt: 1 },
  ];
  return { policy: policyIdentity, mode, outcome: { kind: 'verified', signers, warnings: [] } };
}

/** The same verdict, which denies nothing because of an exception. */
export function excepted(verdict: Verdict, name = 'incident-1'): Verdict {
  return { ...verdict, exception: { name, expiresAt: 1 } };
}
