import { Refusal } from '../errors.ts';
import { quote } from './quote.ts';

/** JSON that somebody else wrote. Read it with `own`: a key such as `__proto__` is data. */
export type JsonObject = Readonly<Record<string, unknown>>;

const SPEC_TEMPLATE = ['spec', 'template'];

/** Where each kind keeps its Pod. */
const PATH_TO_POD: ReadonlyMap<string, readonly string[]> = new Map([
  ['Pod', []],
  ['PodTemplate', ['template']],
  ['Deployment', SPEC_TEMPLATE],
  ['ReplicaSet', SPEC_TEMPLATE],
  ['StatefulSet', SPEC_TEMPLATE],
  ['DaemonSet', SPEC_TEMPLATE],
  ['Job', SPEC_TEMPLATE],
  ['ReplicationController', SPEC_TEMPLATE],
  ['CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
]);

/** Every kind whose images are known. */
export const WORKLOAD_KINDS: readonly string[] = [...PATH_TO_POD.keys()];

/** A Pod or the template of one, and where it stands in its object: `spec.template`, '' for a Pod itself. */
export interface LocatedPod {
  readonly path: string;
  readonly pod: JsonObject;
}

/**
 * Finds the Pod, or its template, in a workload.
 * @throws Refusal MALFORMED for an unknown kind and for an object that is not of the kind's shape
 */
export function podOf(kind: string, object: unknown): LocatedPod {
  const steps = PATH_TO_POD.get(kind);
  if (steps === undefined)
    throw new Refusal('MALFORMED', `where the kind ${quote(kind)} has its images is not known`);
  let path = '';
  let pod = objectAt(object, kind);
  for (const step of steps) {
    path = join(path, step);
    pod = objectAt(own(pod, step), path);
  }
  return { path, pod };
}

/** A field of an object's own: undefined when it is not there. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Whether Kubernetes reads a value as "not set". */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** @throws Refusal MALFORMED when a value is not an object */
export function objectAt(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('MALFORMED', `${field} is not an object`);
  }
  return value as JsonObject;
}

/** A path with one more step. */
export function join(path: string, step: string): string {
  return path === '' ? step : `${path}.${step}`;
}
