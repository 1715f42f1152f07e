import { setTimeout as wait } from 'node:timers/promises';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { KubeApiError, TooLargeError, type KubeClient } from './client.ts';
import type { KubeObject, ResourcePath } from './object.ts';
import { defaultTiming, type ReflectorTiming } from './reflector-timing.ts';
import { parseWatchLine } from './watch-event.ts';

export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  /** The collection. */
  readonly path: ResourcePath;
  /** What is kept of an object: called once for each version of it. A throw counts as a failed list. */
  readonly read: (object: KubeObject) => T;
  /** Called after the first list, and after anything changed. */
  readonly onChange: () => void;
  readonly logger: Logger;
  readonly timing?: Partial<ReflectorTiming>;
  /** A monotonic clock, milliseconds. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

interface Entry<T> {
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly value: T;
}

/**
 * A copy of one collection of the API server, by list and watch, that never gives up: whatever goes wrong, it lists again
 * after a pause. The copy outlives every failure; `lastHeard` tells how old the newest word about it is, and its user decides
 * how old is too old.
 */
export class Reflector<T> {
  readonly name: string;
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly #stopping = new AbortController();
  #entries = new Map<string, Entry<T>>();
  #lastHeard: number | undefined;
  #lastError: string | undefined;
  #resourceVersion = '';
  #listedAt = 0;
  #failures = 0;
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.name = options.path.resource;
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    this.#sleep = options.sleep ?? ((milliseconds, signal) => wait(milliseconds, undefined, { signal }));
  }

  /** True from the first complete list on. */
  get synced(): boolean {
    return this.#lastHeard !== undefined;
  }

  /** When the copy was last known to be current: start of a list, or an event or bookmark; on the clock of `now`. */
  get lastHeard(): number | undefined {
    return this.#lastHeard;
  }

  /** Why it is not up to date; undefined once it is. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  *values(): Generator<T> {
    for (const entry of this.#entries.values()) yield entry.value;
  }

  /** Namespaced objects are found by both names. */
  get(name: string, namespace?: string): T | undefined {
    return this.#entries.get(keyOf(name, namespace))?.value;
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      try {
        await this.#list(stopping);
        while ((await this.#watch(stopping)) === 'again');
      } catch (error) {
        if (stopping.aborted) return;
        this.#failed(asError(error));
        await this.#sleep(this.#pause(), stopping).catch(() => undefined);
      }
    }
  }

  #failed(error: Error): void {
    this.#failures += 1;
    this.#lastError = error.message;
    const fields = { resource: this.name, failures: this.#failures, err: error.message };
    // An expired watch is how a quiet collection meets etcd's compaction: nobody has to do anything.
    if (error instanceof KubeApiError && error.status === 410)
      this.#options.logger.debug(fields, 'watch expired');
    else this.#options.logger.warn(fields, 'cannot follow the API server, will list again');
  }

  #pause(): number {
    const { backoffFirst, backoffLast } = this.#timing;
    return this.#random() * Math.min(backoffLast, backoffFirst * 2 ** Math.min(this.#failures - 1, 20));
  }

  async #list(signal: AbortSignal): Promise<void> {
    const begun = this.#now();
    const entries = new Map<string, Entry<T>>();
    let limit = this.#timing.pageSize;
    let page: string | undefined;
    for (;;) {
      try {
        // No resourceVersion: the newest state, not what some API server's cache happens to hold.
        const list = await this.#options.client.list(this.#options.path, {
          query: { limit, continue: page },
          signal,
        });
        for (const object of list.items) entries.set(keyOfObject(object), this.#entryOf(object));
        page = list.continueToken;
        if (page === undefined) {
          this.#resourceVersion = list.resourceVersion;
          break;
        }
      } catch (error) {
        // Whoever may write objects can make them big; a page must still fit.
        if (!(error instanceof TooLargeError) || limit === 1) throw error;
        limit = Math.ceil(limit / 4);
      }
    }
    const changed = !this.synced || differ(this.#entries, entries);
    this.#entries = entries;
    this.#listedAt = begun;
    this.#heard(begun);
    if (changed) this.#tell();
  }

  /** One watch from where the copy stands. Returns whether to open the next one, or to list again. */
  async #watch(stopping: AbortSignal): Promise<'again' | 'relist'> {
    const { shortWatch, watchTimeout, watchTimeoutJitter } = this.#timing;
    const opened = this.#now();
    if (this.#untilRelist() <= 0) return 'relist';
    const enough = new AbortController();
    let due = setTimeout(() => enough.abort(), this.#untilRelist());
    let lines = 0;
    try {
      const query = {
        allowWatchBookmarks: true,
        resourceVersion: this.#resourceVersion,
        timeoutSeconds: Math.ceil((watchTimeout + this.#random() * watchTimeoutJitter) / 1000),
      };
      const signal = AbortSignal.any([stopping, enough.signal]);
      for await (const line of this.#options.client.watch(this.#options.path, { query, signal })) {
        this.#apply(line);
        lines += 1;
        clearTimeout(due);
        due = setTimeout(() => enough.abort(), this.#untilRelist());
      }
    } catch (error) {
      if (!enough.signal.aborted || stopping.aborted) throw error;
      return 'relist';
    } finally {
      clearTimeout(due);
    }
    if (lines === 0 && this.#now() - opened < shortWatch)
      throw new Error('the watch ended as soon as it began');
    this.#failures = 0;
    return 'again';
  }

  /** A watch that is opened again does not count as a word: silence goes on across watches. */
  #untilRelist(): number {
    const { silence, relist } = this.#timing;
    return Math.min(this.#listedAt + relist, (this.#lastHeard ?? this.#listedAt) + silence) - this.#now();
  }

  #apply(line: string): void {
    const event = parseWatchLine(line);
    // A list that works says nothing about the watch: only a watch that speaks, or lasts, ends a row of failures.
    this.#failures = 0;
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion;
      this.#heard(this.#now());
      return;
    }
    const key = keyOfObject(event.object);
    if (event.type === 'DELETED') this.#entries.delete(key);
    else this.#entries.set(key, this.#entryOf(event.object));
    this.#resourceVersion = event.resourceVersion;
    this.#heard(this.#now());
    this.#tell();
  }

  #heard(when: number): void {
    this.#lastHeard = when;
    this.#lastError = undefined;
  }

  #entryOf(object: KubeObject): Entry<T> {
    const { uid, resourceVersion } = object.metadata;
    const known = this.#entries.get(keyOfObject(object));
    if (
      known !== undefined &&
      resourceVersion !== undefined &&
      known.uid === uid &&
      known.resourceVersion === resourceVersion
    ) {
      return known;
    }
    return { uid, resourceVersion, value: this.#options.read(object) };
  }

  #tell(): void {
    try {
      this.#options.onChange();
    } catch (error) {
      this.#options.logger.error(
        { resource: this.name, err: asError(error) },
        'the handler of a change failed',
      );
    }
  }
}

function keyOfObject(object: KubeObject): string {
  return keyOf(object.metadata.name, object.metadata.namespace);
}

function keyOf(name: string, namespace: string | undefined): string {
  return `${namespace ?? ''}/${name}`;
}

/** Entries are kept when an object has not changed, so identity is enough. */
function differ<T>(before: ReadonlyMap<string, Entry<T>>, after: ReadonlyMap<string, Entry<T>>): boolean {
  if (before.size !== after.size) return true;
  for (const [key, entry] of after) if (before.get(key) !== entry) return true;
  return false;
}
