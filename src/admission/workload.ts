import type { AdmissionRequest } from '../api/admission-review.ts';
import { Refusal } from '../errors.ts';
import { pullAccessOf, type PullAccess } from '../image/pull-access.ts';
import { changedImages, imagesOf, podLabelsOf, type WorkloadImage } from '../image/workload.ts';

/** The part of an object that decides whether it may run: its images and the labels that its Pods get. */
export interface Workload {
  readonly isPod: boolean;
  /** Images that this request brings in: all of them on CREATE, the changed ones on UPDATE. */
  readonly images: readonly WorkloadImage[];
  readonly labels: Readonly<Record<string, string>>;
  /** With whose credentials its images are pulled. */
  readonly access: PullAccess;
}

/** API group of each kind that has a Pod template, or is one. The version is the API server's business (`matchPolicy: Equivalent`). */
const GROUP_OF_KIND: ReadonlyMap<string, string> = new Map([
  ['Pod', ''],
  ['PodTemplate', ''],
  ['ReplicationController', ''],
  ['Deployment', 'apps'],
  ['ReplicaSet', 'apps'],
  ['StatefulSet', 'apps'],
  ['DaemonSet', 'apps'],
  ['Job', 'batch'],
  ['CronJob', 'batch'],
]);

const NOTHING: Workload = {
  isPod: false,
  images: [],
  labels: {},
  access: { pullSecrets: [], serviceAccount: '' },
};

/**
 * What a request brings in. Nothing for DELETE and CONNECT, and for subresources that cannot change an image.
 * @throws Refusal for a kind that is not known, or an object that is not of its kind's shape
 */
export function workloadOf(request: AdmissionRequest): Workload {
  const { operation, kind, subResource } = request;
  if (operation === 'DELETE' || operation === 'CONNECT') return NOTHING;
  // `scale`, `status`, `resize`, `binding`, `eviction`: none of them carries an image that the API server would take over.
  if (subResource !== '' && subResource !== 'ephemeralcontainers') return NOTHING;
  if (GROUP_OF_KIND.get(kind.kind) !== kind.group) {
    throw new Refusal('UNSUPPORTED', `kind ${kind.group}/${kind.kind} is not one that Countersign can read`);
  }
  const images =
    operation === 'UPDATE'
      ? changedImages(kind.kind, request.object, request.oldObject)
      : imagesOf(kind.kind, request.object);
  return {
    isPod: kind.kind === 'Pod',
    images,
    labels: podLabelsOf(kind.kind, request.object),
    // Where nothing is pulled anew, too many secrets must not keep anybody from taking a finalizer away.
    access: images.length === 0 ? NOTHING.access : pullAccessOf(kind.kind, request.object),
  };
}
