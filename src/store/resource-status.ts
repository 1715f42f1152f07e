import type { Resource } from '../api/resources.ts';
import { isRecord } from '../kube/object.ts';
import type { ExpandedEntries } from '../policy/signer-entry.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { StoredResource } from './kubernetes-store.ts';

/** The status of one resource, as far as it does not depend on when it was written. */
export interface ResourceStatus {
  readonly generation: number;
  readonly ready: boolean;
  readonly reason: 'Valid' | 'PartlyUsable' | 'Invalid' | 'NothingUsable';
  readonly message: string;
  /** Fields of the kind's own: fingerprints. */
  readonly fields: Readonly<Record<string, string>>;
}

/** More would be read by nobody; the schema allows 32,768 characters. */
const maxProblems = 20;
const maxMessage = 8_192;

/** The entries of each policy of a snapshot, by the policy itself. */
export function entriesByPolicy(snapshot: Snapshot): ReadonlyMap<Resource, ExpandedEntries> {
  return new Map(snapshot.policies.map(({ policy, entries }) => [policy, entries]));
}

/** What a resource's status should say; `entries` are those of a policy. */
export function statusOf(
  { resource, problems }: StoredResource,
  entries: ExpandedEntries | undefined,
): ResourceStatus {
  const common = { generation: resource.generation, fields: fieldsOf(resource) };
  const said = problems.map(({ field, message }) => `${field}: ${message}`);
  if (resource.problems.length > 0 || isBrokenSigner(resource)) {
    return { ...common, ready: false, reason: 'Invalid', message: messageOf('Cannot be used', said) };
  }
  const unusable = (entries?.unusable ?? []).map(({ label, why }) => `${label}: ${why}`);
  const all = [...new Set([...said, ...unusable])];
  if (entries !== undefined && entries.usable.length === 0 && unusable.length > 0) {
    return {
      ...common,
      ready: false,
      reason: 'NothingUsable',
      message: messageOf('No entry of trustedKeys can be used', all),
    };
  }
  if (all.length > 0) {
    return {
      ...common,
      ready: true,
      reason: 'PartlyUsable',
      message: messageOf('In force, but not all of it can be used', all),
    };
  }
  return { ...common, ready: true, reason: 'Valid', message: 'In force.' };
}

/** Whether the stored status says all that already. */
export function isUpToDate(stored: unknown, wanted: ResourceStatus): boolean {
  if (!isRecord(stored) || stored['observedGeneration'] !== wanted.generation) return false;
  for (const [field, value] of Object.entries(wanted.fields)) if (stored[field] !== value) return false;
  const condition = readyCondition(stored);
  return (
    condition !== undefined &&
    condition['status'] === (wanted.ready ? 'True' : 'False') &&
    condition['reason'] === wanted.reason &&
    condition['message'] === wanted.message
  );
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
    lastTransitionTime:
      typeof since === 'string' ? since : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
    reason: wanted.reason,
    message: wanted.message,
  };
  const others = conditionsOf(before).filter((each) => each['type'] !== 'Ready');
  return { observedGeneration: wanted.generation, ...wanted.fields, conditions: [...others, ready] };
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

function fieldsOf(resource: Resource): Record<string, string> {
  switch (resource.kind) {
    case 'TrustedSigner':
      if (resource.identity.kind === 'broken') return {};
      return resource.identity.kind === 'publicKey'
        ? { type: 'PublicKey', keyFingerprint: resource.identity.key.fingerprint }
        : { type: 'Keyless' };
    case 'TrustRoot':
      return resource.root === undefined ? {} : { fingerprint: resource.root.fingerprint };
    default:
      return {};
  }
}

function messageOf(headline: string, problems: readonly string[]): string {
  const more = problems.length > maxProblems ? [`and ${problems.length - maxProblems} more`] : [];
  const text = [...problems.slice(0, maxProblems), ...more].join('; ');
  return `${headline}: ${text === '' ? 'see the spec' : text}.`.slice(0, maxMessage);
}
