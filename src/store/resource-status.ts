import type { Resource, TrustedSigner } from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import { isRecord } from '../kube/object.ts';
import { isInForce } from '../policy/exception.ts';
import { wholeSeconds } from '../policy/message.ts';
import { referencesOf, type CompiledPolicy, type Snapshot } from '../policy/snapshot.ts';
import type { KeyState, RootState } from '../policy/trust-material.ts';
import type { StoredResource } from './kubernetes-store.ts';
import { relianceOfException, reliancesOf, type Reliance } from './policy-reliance.ts';

/** The status of one resource, as far as it does not depend on when it was written. */
export interface ResourceStatus {
  readonly generation: number;
  readonly ready: boolean;
  readonly reason:
    'Valid' | 'PartlyUsable' | 'NotRefreshed' | 'Invalid' | 'NothingUsable' | 'Unavailable' | 'Expired';
  readonly message: string;
  /** Fields of the kind's own: fingerprints. */
  readonly fields: Readonly<Record<string, string>>;
}

/** More would be read by nobody; the schema allows 32,768 characters. */
const maxProblems = 20;
const maxMessage = 8_192;

/** What a snapshot says of a resource, beside the resource itself. */
export class SnapshotView {
  readonly #policies: ReadonlyMap<Resource, CompiledPolicy>;
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#policies = new Map(snapshot.policies.map((compiled) => [compiled.policy, compiled]));
  }

  /** Of a policy: one for each of its demands. Of an exception: the policies that it names. */
  reliancesOf(resource: Resource): readonly Reliance[] {
    if (resource.kind === 'SigningException') {
      return relianceOfException(resource, this.#snapshot.policies);
    }
    const compiled = this.#policies.get(resource);
    return compiled === undefined ? [] : reliancesOf(compiled);
  }

  /** Of a TrustRoot; undefined when it cannot be used at all. */
  rootOf(resource: Resource): RootState | undefined {
    return resource.kind === 'TrustRoot' ? this.#snapshot.trustRoots.get(resource.name) : undefined;
  }

  /** Of a TrustedSigner whose key is kept elsewhere. */
  keyOf(resource: Resource): KeyState | undefined {
    const [reference] = resource.kind === 'TrustedSigner' ? referencesOf(resource) : [];
    return reference === undefined ? undefined : this.#snapshot.keys.get(reference.uri);
  }
}

/**
 * What a resource's status should say.
 * @param now milliseconds since the epoch
 */
export function statusOf(
  { resource, problems }: StoredResource,
  view: SnapshotView,
  now: number,
): ResourceStatus {
  const material = view.rootOf(resource) ?? view.keyOf(resource);
  const common = { generation: resource.generation, fields: fieldsOf(resource, view) };
  const said = problems.map(({ field, message }) => `${field}: ${message}`);
  if (resource.problems.length > 0 || isBrokenSigner(resource)) {
    return { ...common, ready: false, reason: 'Invalid', message: messageOf('Cannot be used', said) };
  }
  const ends = endOf(resource);
  if (ends !== undefined && resource.kind === 'SigningException' && !isInForce(resource, now)) {
    const message = `Expired at ${ends}: it excepts nothing any more, and can be deleted.`;
    return { ...common, ready: false, reason: 'Expired', message };
  }
  if (material?.kind === 'unavailable') {
    const message = messageOf('Cannot be had now', [material.reason]);
    return { ...common, ready: false, reason: 'Unavailable', message };
  }
  const reliances = view.reliancesOf(resource);
  const all = [...new Set([...said, ...reliances.flatMap(({ problems: each }) => each)])];
  const dead = reliances.find(({ isUsable, problems: each }) => !isUsable && each.length > 0);
  if (dead !== undefined) {
    return { ...common, ready: false, reason: 'NothingUsable', message: messageOf(dead.nobody, all) };
  }
  if (all.length > 0) {
    const message = messageOf('In force, but not all of it can be used', all);
    return { ...common, ready: true, reason: 'PartlyUsable', message };
  }
  if (material?.error !== undefined) {
    const message = messageOf('In force as it was read last; it could not be read again', [material.error]);
    return { ...common, ready: true, reason: 'NotRefreshed', message };
  }
  const message = ends === undefined ? 'In force.' : `In force until ${ends}.`;
  return { ...common, ready: true, reason: 'Valid', message };
}

/** Of an exception, in words. */
function endOf(resource: Resource): string | undefined {
  if (resource.kind !== 'SigningException' || resource.grant === undefined) return undefined;
  return wholeSeconds(resource.grant.expiresAt);
}

/** Whether the stored status says all that already. */
export function isUpToDate(stored: unknown, wanted: ResourceStatus): boolean {
  if (!isRecord(stored) || stored['observedGeneration'] !== wanted.generation) return false;
  for (const [field, value] of Object.entries(wanted.fields)) {
    if (!isSame(field, stored[field], value)) return false;
  }
  const condition = readyCondition(stored);
  return (
    condition !== undefined &&
    condition['status'] === (wanted.ready ? 'True' : 'False') &&
    condition['reason'] === wanted.reason &&
    condition['message'] === wanted.message
  );
}

/** All that `fieldsOf` can give. */
const OWN_FIELDS = [
  'type',
  'keyFingerprint',
  'lastResolvedTime',
  'fingerprint',
  'lastRefreshedTime',
  'usableUntil',
];

/** Every replica reads keys at moments of its own: whoever was there first need not be corrected. */
const CLOCK_FIELDS: ReadonlySet<string> = new Set(['lastResolvedTime', 'lastRefreshedTime']);
const clockTolerance = 15 * 60_000;

function isSame(field: string, stored: unknown, wanted: string): boolean {
  if (stored === wanted) return true;
  if (!CLOCK_FIELDS.has(field) || typeof stored !== 'string') return false;
  return Math.abs(Date.parse(stored) - Date.parse(wanted)) <= clockTolerance;
}

/** Conditions of other types are whoever wrote them's; the time of the last transition stays where the status did. */
export function statusDocument(
  stored: unknown,
  wanted: ResourceStatus,
  now: number,
): Record<string, unknown> {
  const before = isRecord(stored) ? stored : {};
  const condition = readyCondition(before);
  const status = wanted.ready ? 'True' : 'False';
  const since = condition?.['status'] === status ? condition['lastTransitionTime'] : undefined;
  const ready = {
    type: 'Ready',
    status,
    observedGeneration: wanted.generation,
    lastTransitionTime: typeof since === 'string' ? since : wholeSeconds(now),
    reason: wanted.reason,
    message: wanted.message,
  };
  const others = conditionsOf(before).filter((each) => each['type'] !== 'Ready');
  return {
    observedGeneration: wanted.generation,
    ...leftovers(before, wanted),
    ...wanted.fields,
    conditions: [...others, ready],
  };
}

/** What another spec had: a merge patch keeps what it does not name. What was read of this one stays while it cannot be read. */
function leftovers(before: Record<string, unknown>, wanted: ResourceStatus): Record<string, null> {
  if (before['observedGeneration'] === wanted.generation) return {};
  const fields = OWN_FIELDS.filter((field) => Object.hasOwn(before, field));
  return Object.fromEntries(fields.map((field) => [field, null]));
}

function readyCondition(status: Record<string, unknown>): Record<string, unknown> | undefined {
  return conditionsOf(status).find(({ type }) => type === 'Ready');
}

function conditionsOf(status: Record<string, unknown>): Record<string, unknown>[] {
  return Array.isArray(status['conditions']) ? status['conditions'].filter(isRecord) : [];
}

function isBrokenSigner(resource: Resource): boolean {
  return resource.kind === 'TrustedSigner' && resource.identity.kind === 'broken';
}

function fieldsOf(resource: Resource, view: SnapshotView): Record<string, string> {
  switch (resource.kind) {
    case 'TrustedSigner':
      return signerFields(resource.identity, view.keyOf(resource));
    case 'TrustRoot':
      return rootFields(view.rootOf(resource));
    default:
      return {};
  }
}

function signerFields(
  identity: TrustedSigner['identity'],
  state: KeyState | undefined,
): Record<string, string> {
  switch (identity.kind) {
    case 'broken':
      return {};
    case 'keyless':
      return { type: 'Keyless' };
    case 'publicKey':
      return { type: 'PublicKey', keyFingerprint: identity.key.fingerprint };
    case 'keyRef':
      return state?.kind === 'known'
        ? {
            type: 'KeyReference',
            keyFingerprint: state.keys[0].fingerprint,
            lastResolvedTime: wholeSeconds(state.resolvedAt),
          }
        : { type: 'KeyReference' };
    default:
      return unreachable(identity);
  }
}

function rootFields(state: RootState | undefined): Record<string, string> {
  if (state?.kind !== 'known') return {};
  const { root, refreshedAt, usableUntil } = state;
  return {
    fingerprint: root.fingerprint,
    ...(refreshedAt !== undefined && { lastRefreshedTime: wholeSeconds(refreshedAt) }),
    ...(usableUntil !== undefined && { usableUntil: wholeSeconds(usableUntil) }),
  };
}

function messageOf(headline: string, problems: readonly string[]): string {
  const more = problems.length > maxProblems ? [`and ${problems.length - maxProblems} more`] : [];
  const text = [...problems.slice(0, maxProblems), ...more].join('; ');
  return `${headline}: ${text === '' ? 'see the spec' : text}.`.slice(0, maxMessage);
}
