import { setTimeout as wait } from 'node:timers/promises';
import { asError } from '../errors.ts';
import { KubeApiError, type KubeClient } from '../kube/client.ts';
import type { Logger } from '../log.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { KubernetesStore, StoredResource } from './kubernetes-store.ts';
import { collectionOf, RESOURCES } from './resource-kinds.ts';
import {
  isUpToDate,
  statusDocument,
  SnapshotView,
  statusOf,
  type ResourceStatus,
} from './resource-status.ts';

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly store: Pick<KubernetesStore, 'stored' | 'onChange'>;
  readonly logger: Logger;
  /** Milliseconds between two writes. */
  readonly interval?: number;
  /** Milliseconds between two looks at what could not be written, and at what time has changed. */
  readonly resync?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Enough for a cluster's policies to have their status in a moment, too little to trouble the API server. */
const defaultInterval = 100;
const defaultResync = 60_000;

/**
 * Tells in the status of each resource whether it is in force, and what is wrong with it. Every replica comes to the same
 * text, so the first one writes and the others find it written. Replicas of two versions may not agree: each text is written once
 * for a generation and not again, so that they cannot go on correcting one another.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #stopping = new AbortController();
  /** By uid: what this process wrote last, whatever became of it. */
  readonly #written = new Map<string, string>();
  #snapshot: Snapshot | undefined;
  #running: Promise<void> | undefined;
  #forget: (() => void) | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#forget = this.#options.store.onChange((snapshot) => {
      this.#snapshot = snapshot;
      this.#begin();
    });
    this.#again = setInterval(() => this.#begin(), this.#options.resync ?? defaultResync);
  }

  async stop(): Promise<void> {
    this.#forget?.();
    clearInterval(this.#again);
    this.#stopping.abort();
    await this.#running;
  }

  #begin(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Until nothing is left to write for the newest snapshot. */
  async #run(): Promise<void> {
    let done: Snapshot | undefined;
    while (this.#snapshot !== undefined && done !== this.#snapshot && !this.#stopping.signal.aborted) {
      done = this.#snapshot;
      await this.#writeAll(done, this.#stopping.signal);
    }
  }

  async #writeAll(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    const { store, interval = defaultInterval, now = Date.now } = this.#options;
    const view = new SnapshotView(snapshot);
    const uids = new Set<string>();
    for (const stored of Array.from(store.stored())) {
      const uid = stored.object.metadata.uid ?? '';
      uids.add(uid);
      const wanted = statusOf(stored, view, now());
      const text = JSON.stringify(wanted);
      if (isUpToDate(stored.object['status'], wanted) || this.#written.get(uid) === text) continue;
      // A newer snapshot may say something else of what is left.
      if (this.#snapshot !== snapshot || signal.aborted) return;
      const outcome = await this.#write(stored, wanted);
      if (outcome === 'written') this.#written.set(uid, text);
      if (outcome === 'failed') return;
      await wait(interval, undefined, { signal }).catch(() => undefined);
    }
    // What is gone from the cluster is forgotten here too.
    for (const uid of this.#written.keys()) if (!uids.has(uid)) this.#written.delete(uid);
  }

  async #write(
    { object, resource }: StoredResource,
    wanted: ResourceStatus,
  ): Promise<'written' | 'outdated' | 'failed'> {
    const { client, logger, now = Date.now } = this.#options;
    const { name, namespace, resourceVersion } = object.metadata;
    const path = {
      ...collectionOf(RESOURCES[resource.kind]),
      namespace,
      name,
      subresource: 'status' as const,
    };
    const status = statusDocument(object['status'], wanted, now());
    try {
      // With the version: never over a spec that this status is not about.
      await client.mergePatch(path, { metadata: { resourceVersion }, status });
      return 'written';
    } catch (error) {
      const fields = { kind: resource.kind, namespace, name, err: asError(error).message };
      if (error instanceof KubeApiError && (error.status === 409 || error.status === 404)) {
        // The change that caused the conflict is on its way here and brings us back.
        logger.debug(fields, 'the status was not written: somebody else was faster');
        return 'outdated';
      }
      logger.warn(fields, 'the status could not be written, will try again');
      return 'failed';
    }
  }
}
