import { adviseOn } from '../api/advice.ts';
import { GROUP, VERSION } from '../api/envelope.ts';
import type { Problem, Resource } from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import { isInForce, policyKeys } from '../policy/exception.ts';
import { wholeSeconds } from '../policy/message.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { RootState } from '../policy/trust-material.ts';
import type { StoredDocument } from '../store/resource-desk.ts';
import type { Inspected } from './inspections.ts';
import { compilePolicies, policyFacts } from './policy-facts.ts';
import { redacted } from './redaction.ts';
import { policiesWithRoot, policiesWithSigner, type PolicyName } from './reliance.ts';
import { signerFacts } from './signer-facts.ts';

/** What this process knows, for one answer. */
export interface Knowledge {
  /** The newest; undefined = none yet. */
  readonly snapshot: Snapshot | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: (signer: string) => number | undefined;
  /** Whether the caller may know that there is such a policy. */
  readonly maySee: (policy: PolicyName) => boolean;
}

/** A document with what this process knows of it, as the API shows it. */
export interface ResourceView {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredDocument['metadata'];
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Documents as the API shows them, without secrets. */
export function viewsOf(read: readonly Inspected[], knowledge: Knowledge): readonly ResourceView[] {
  const policies = read.flatMap(({ resource }) =>
    resource?.kind === 'ClusterSigningPolicy' || resource?.kind === 'SigningPolicy' ? [resource] : [],
  );
  const compiled = policies.length === 0 ? new Map() : compilePolicies(policies, knowledge.snapshot);
  const factsOf = (resource: Resource): object => {
    switch (resource.kind) {
      case 'TrustedSigner':
        return factsOfSigner(resource, knowledge);
      case 'TrustRoot':
        return factsOfRoot(resource, knowledge);
      case 'SigningException':
        return { state: exceptionState(resource, knowledge.now) };
      case 'ClusterSigningPolicy':
      case 'SigningPolicy': {
        const policy = compiled.get(resource);
        return policy === undefined ? NO_FACTS[resource.kind] : policyFacts(policy, knowledge.now);
      }
      default:
        return unreachable(resource);
    }
  };
  const circumstances = { now: knowledge.now, policies: visiblePolicies(knowledge) };
  return read.map(({ document, resource, problems }) => ({
    apiVersion: `${GROUP}/${VERSION}`,
    kind: document.kind,
    metadata: document.metadata,
    spec: redacted(document.spec),
    ...(document.status !== undefined && { status: redacted(document.status) }),
    problems,
    warnings: resource === undefined ? [] : adviseOn(resource, circumstances),
    facts: (resource === undefined ? NO_FACTS[document.kind] : factsOf(resource)) as ResourceView['facts'],
  }));
}

/** Undefined where some exist that the caller may not see: what is missing would tell of them. */
function visiblePolicies({ snapshot, maySee }: Knowledge): ReadonlySet<string> | undefined {
  return snapshot?.policies.every(({ policy }) => maySee({ kind: policy.kind, name: policy.name })) === true
    ? policyKeys(snapshot)
    : undefined;
}

/** Of a document that is not read as anything. */
const NO_FACTS: Readonly<Record<StoredDocument['kind'], object>> = {
  TrustedSigner: { state: 'invalid', type: 'unknown', identity: '', keys: [], usedBy: [] },
  ClusterSigningPolicy: { mode: 'Enforce', usableEntries: 0, unusable: [] },
  SigningPolicy: { mode: 'Enforce', usableEntries: 0, unusable: [] },
  TrustRoot: { state: 'invalid', builtIn: false, usedBy: [] },
  SigningException: { state: 'invalid' },
};

function factsOfSigner(
  signer: Extract<Resource, { kind: 'TrustedSigner' }>,
  { snapshot, now, lastUsed, maySee }: Knowledge,
): object {
  const used = lastUsed(signer.name);
  return {
    ...signerFacts(signer, snapshot, now),
    usedBy: snapshot === undefined ? [] : policiesWithSigner(signer, snapshot).filter(maySee),
    ...(used !== undefined && { lastUsedAt: wholeSeconds(used) }),
  };
}

function factsOfRoot(
  { name, source, problems }: Extract<Resource, { kind: 'TrustRoot' }>,
  knowledge: Knowledge,
): object {
  if (source === undefined) {
    const [problem] = problems;
    const detail = problem === undefined ? 'It cannot be used.' : `${problem.field}: ${problem.message}`;
    return { state: 'invalid', detail, ...rootUse(name, knowledge, false) };
  }
  // What the built-in one of its name says is nothing of this one's.
  const state = knowledge.snapshot?.trustRoots.get(name);
  return { ...rootState(state, knowledge.now), ...rootUse(name, knowledge, false) };
}

function rootUse(name: string, { snapshot, maySee }: Knowledge, builtIn: boolean): object {
  return { builtIn, usedBy: snapshot === undefined ? [] : policiesWithRoot(name, snapshot).filter(maySee) };
}

function rootState(state: RootState | undefined, now: number): object {
  if (state === undefined) return { state: 'unavailable', detail: 'It has not been read yet.' };
  if (state.kind === 'unavailable') return { state: 'unavailable', detail: state.reason };
  const { root, refreshedAt, usableUntil, error } = state;
  const isOver = usableUntil !== undefined && now >= usableUntil;
  const detail = isOver ? `Its metadata expired at ${wholeSeconds(usableUntil)}.` : error;
  return {
    state: isOver ? 'unavailable' : 'known',
    fingerprint: root.fingerprint,
    ...(detail !== undefined && { detail }),
    ...(refreshedAt !== undefined && { refreshedAt: wholeSeconds(refreshedAt) }),
  };
}

function exceptionState(exception: Extract<Resource, { kind: 'SigningException' }>, now: number): string {
  if (exception.grant === undefined) return 'invalid';
  return isInForce(exception, now) ? 'active' : 'expired';
}

/** The version of what nobody can change. */
export const BUILT_IN_VERSION = 'built-in';

/** A trust root that exists without a document. */
export function builtInRoot(name: string, state: RootState, knowledge: Knowledge): ResourceView {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: 'TrustRoot',
    metadata: { name, resourceVersion: BUILT_IN_VERSION },
    spec: { publicGood: {}, proofs: { preset: 'PublicGood' } },
    problems: [],
    warnings: [],
    facts: { ...rootState(state, knowledge.now), ...rootUse(name, knowledge, true) } as ResourceView['facts'],
  };
}
