import { Refusal } from '../errors.ts';
import type { Reader } from '../history/reader.ts';
import { ASKED } from '../history/verification.ts';
import { pullAccessOf, type PullAccess } from '../image/pull-access.ts';
import { imagesOf, podLabelsOf } from '../image/workload.ts';
import type { CallerClient } from '../kube/caller-client.ts';
import { KubeApiError, TooLargeError } from '../kube/client.ts';
import { isRecord, type KubeList, type KubeObject } from '../kube/object.ts';
import type { Author } from '../store/resource-desk.ts';
import { ApiProblem } from './problem.ts';

/** Something that runs, with the images that it runs by. */
export interface RunningWorkload {
  readonly namespace: string;
  /** Of what owns the Pod, by name only; of the Pod itself where nothing does. */
  readonly kind: string;
  readonly name: string;
  /** As written; distinct. */
  readonly images: readonly string[];
  /** Of the Pod; undefined = nobody knows. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly access: PullAccess;
}

export interface RunningList {
  readonly workloads: readonly RunningWorkload[];
  readonly isComplete: boolean;
}

/** What runs now, as far as it can be learned. */
export interface RunningWorkloads {
  readonly source: 'cluster' | 'history' | 'none';
  /** @param namespace undefined = everywhere. What was read when the signal aborts is the answer. @throws ApiProblem; HistoryError */
  list(author: Author, namespace: string | undefined, signal: AbortSignal): Promise<RunningList>;
}

/** A page has some 2 MB: it is parsed in one go, and admissions wait meanwhile. */
const PAGE = 100;
const MAX_PODS = 5_000;

/** Pods as whoever asks may list them. */
export class PodsOfCluster implements RunningWorkloads {
  readonly source = 'cluster';
  readonly #client: Pick<CallerClient, 'as'>;

  constructor(client: Pick<CallerClient, 'as'>) {
    this.#client = client;
  }

  async list(author: Author, namespace: string | undefined, signal: AbortSignal): Promise<RunningList> {
    const workloads: RunningWorkload[] = [];
    let isComplete = true;
    let seen = 0;
    let page: string | undefined;
    let limit = PAGE;
    do {
      const list = await this.#page(author, namespace, { limit, continue: page }, signal);
      if (list === 'too-large' && limit > 1) {
        limit = Math.ceil(limit / 4);
        continue;
      }
      if (typeof list === 'string') return { workloads, isComplete: false };
      for (const pod of list.items) {
        const workload = workloadOfPod(pod);
        if (workload === undefined) isComplete = false;
        else workloads.push(workload);
      }
      seen += list.items.length;
      page = list.continueToken;
    } while (page !== undefined && seen < MAX_PODS);
    return { workloads, isComplete: isComplete && page === undefined };
  }

  async #page(
    author: Author,
    namespace: string | undefined,
    page: { readonly limit: number; readonly continue: string | undefined },
    signal: AbortSignal,
  ): Promise<KubeList | 'too-large' | 'late'> {
    if (author.token === undefined) throw new ApiProblem('UNAUTHENTICATED', 'Sign in with a token.');
    const path = { group: '', version: 'v1', resource: 'pods', namespace };
    // What has ended runs no more.
    const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
    try {
      return await this.#client.as(author.token).list(path, { query: { ...page, fieldSelector }, signal });
    } catch (error) {
      if (error instanceof TooLargeError) return 'too-large';
      if (signal.aborted) return 'late';
      throw problemOfList(error);
    }
  }
}

function problemOfList(error: unknown): unknown {
  if (!(error instanceof KubeApiError)) {
    return new ApiProblem('UNAVAILABLE', 'The API server did not answer.', { cause: error, retryAfter: 5 });
  }
  switch (error.status) {
    case 401:
      return new ApiProblem('UNAUTHENTICATED', 'The API server does not accept the token any more.');
    case 403:
      return new ApiProblem('FORBIDDEN', 'This needs the right to list pods.');
    default:
      return new ApiProblem('UNAVAILABLE', 'The API server could not list the pods.', {
        cause: error,
        retryAfter: 5,
      });
  }
}

/** Undefined for what is no Pod that can be read. */
export function workloadOfPod(pod: KubeObject): RunningWorkload | undefined {
  try {
    const { name, namespace = '' } = pod.metadata;
    const labels = podLabelsOf('Pod', pod);
    return {
      namespace,
      ...(ownerOf(pod, labels['pod-template-hash']) ?? { kind: 'Pod', name }),
      images: [...new Set(imagesOf('Pod', pod).map(({ image }) => image))],
      labels,
      access: pullAccessOf('Pod', pod),
    };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** The controller; a Deployment stands for its ReplicaSets, whose names end with the hash that their Pods are labelled with. */
function ownerOf(
  { metadata }: KubeObject,
  hash: string | undefined,
): Pick<RunningWorkload, 'kind' | 'name'> | undefined {
  const owners: unknown = (metadata as unknown as Readonly<Record<string, unknown>>)['ownerReferences'];
  const owner = Array.isArray(owners)
    ? owners.find((each: unknown) => isRecord(each) && each['controller'] === true)
    : undefined;
  if (!isRecord(owner)) return undefined;
  const { kind, name } = owner;
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)
    ? { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
    : { kind, name };
}

const WEEK = 7 * 24 * 60 * 60 * 1000;
const HISTORY_PAGE = 500;
const MAX_ROWS = 10_000;
const UNKNOWN_ACCESS: PullAccess = { pullSecrets: [], serviceAccount: 'default' };

/** Without a cluster to ask: what was admitted within a week. */
export class RecentlyAdmitted implements RunningWorkloads {
  readonly source = 'history';
  readonly #history: Pick<Reader, 'verifications'>;
  readonly #now: () => number;

  constructor(history: Pick<Reader, 'verifications'>, now: () => number) {
    this.#history = history;
    this.#now = now;
  }

  async list(_author: Author, namespace: string | undefined, signal: AbortSignal): Promise<RunningList> {
    const from = this.#now() - WEEK;
    const images = new Map<
      string,
      { readonly of: Omit<RunningWorkload, 'images'>; readonly own: Set<string> }
    >();
    let cursor: string | undefined;
    let seen = 0;
    do {
      const filter = { from, ...(namespace !== undefined && { namespace }) };
      const { rows, next } = await this.#history.verifications(filter, cursor, HISTORY_PAGE);
      for (const row of rows) {
        if (row.operation === ASKED || row.decision !== 'admitted' || row.image === '') continue;
        const { kind, name } = row;
        const of = { namespace: row.namespace, kind, name, labels: undefined, access: UNKNOWN_ACCESS };
        const key = JSON.stringify([of.namespace, kind, name]);
        const known = images.get(key) ?? { of, own: new Set() };
        images.set(key, known);
        known.own.add(row.image);
      }
      seen += rows.length;
      cursor = next;
    } while (cursor !== undefined && seen < MAX_ROWS && !signal.aborted);
    const workloads = [...images.values()].map(({ of, own }) => ({ ...of, images: [...own] }));
    return { workloads, isComplete: cursor === undefined };
  }
}

/** Nobody can say. */
export const NOTHING_KNOWN_TO_RUN: RunningWorkloads = {
  source: 'none',
  list: () => Promise.resolve({ workloads: [], isComplete: false }),
};
