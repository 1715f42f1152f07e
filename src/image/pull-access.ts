import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isAbsent, join, objectAt, own, podOf } from './pod.ts';

/** With whose credentials the node would pull a Pod's images. */
export interface PullAccess {
  /** Names of Secrets in the workload's namespace, as `imagePullSecrets` has them. */
  readonly pullSecrets: readonly string[];
  readonly serviceAccount: string;
}

const DEFAULT_SERVICE_ACCOUNT = 'default';

/**
 * The pull secrets and the service account of a Pod, or of those that a template makes.
 * @throws Refusal MALFORMED for a shape that is not the kind's, LIMIT for too many secrets
 */
export function pullAccessOf(kind: string, object: unknown): PullAccess {
  const { path, pod } = podOf(kind, object);
  const field = join(path, 'spec');
  const spec = objectAt(own(pod, 'spec'), field);
  const account = own(spec, 'serviceAccountName');
  if (!isAbsent(account) && typeof account !== 'string') {
    throw new Refusal('MALFORMED', `${field}.serviceAccountName is not a text`);
  }
  return {
    pullSecrets: secretNames(own(spec, 'imagePullSecrets'), `${field}.imagePullSecrets`),
    serviceAccount: isAbsent(account) || account === '' ? DEFAULT_SERVICE_ACCOUNT : account,
  };
}

function secretNames(value: unknown, field: string): readonly string[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw new Refusal('MALFORMED', `${field} is not a list`);
  if (value.length > LIMITS.pullSecrets) {
    throw new Refusal('LIMIT', `${field} has more than ${LIMITS.pullSecrets} entries (pullSecrets)`);
  }
  return value.flatMap((item: unknown, index) => {
    const name = own(objectAt(item, `${field}[${index}]`), 'name');
    // Kubernetes takes an empty reference, and ignores it.
    if (isAbsent(name) || name === '') return [];
    if (typeof name !== 'string') throw new Refusal('MALFORMED', `${field}[${index}].name is not a text`);
    return [name];
  });
}
