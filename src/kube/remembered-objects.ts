import { LRUCache } from 'lru-cache';
import { quote } from '../image/quote.ts';
import { KubeApiError, TooLargeError } from './client.ts';
import type { KubeObject } from './object.ts';

/** Milliseconds for which what was read stands. */
const LIFETIMES = {
  /** A rotated Secret is otherwise noticed when the registry refuses the old one. */
  read: 60_000,
  /** Not there, forbidden, of another type: whoever mends it waits no longer. Also the least time between two reads. */
  unread: 10_000,
};
/** Of all objects of a kind that are held: the largest take 1 MiB. */
const MAX_BYTES = 32 * 1024 * 1024;
/** What an entry takes beside its text. */
const ENTRY_BYTES = 512;
/** Requests under way: so that names nobody has cannot flood the API server. */
const MAX_READS = 64;
/** RFC 1123 subdomain: what a Secret and a ServiceAccount can be called. */
const NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What reading one object gave: a value, or why there is none. */
export interface Outcome<T> {
  readonly value?: T;
  /** What the value takes in memory. */
  readonly bytes?: number;
  readonly problem?: string;
}

interface Held<T> extends Outcome<T> {
  /** Of the object, or of the failure: tells whether the next reading gives something else. */
  readonly version: string;
  readonly at: number;
  /** When a reading gave something else than the one before. */
  readonly changedAt: number;
}

export interface RememberedOptions<T> {
  readonly kind: string;
  get(namespace: string, name: string): Promise<KubeObject>;
  parse(object: KubeObject): Outcome<T>;
  now(): number;
}

/** Remembers objects of one kind; whoever asks at the same time shares one request. */
export class RememberedObjects<T> {
  readonly #options: RememberedOptions<T>;
  readonly #held = new LRUCache<string, Held<T>>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes = 0 }) => bytes + ENTRY_BYTES,
  });
  readonly #underWay = new Map<string, Promise<Held<T>>>();

  constructor(options: RememberedOptions<T>) {
    this.#options = options;
  }

  async read(namespace: string, name: string, renew: boolean): Promise<Outcome<T> & { hasChanged: boolean }> {
    const { kind, now } = this.#options;
    if (!NAME.test(name))
      return { problem: `no ${kind} can have the name that it asks for`, hasChanged: false };
    const key = `${namespace}/${name}`;
    const held = this.#held.get(key);
    const isShort = renew || held?.value === undefined;
    const lifetime = isShort ? LIFETIMES.unread : LIFETIMES.read;
    const isGood = held !== undefined && Math.abs(now() - held.at) < lifetime;
    const { value, problem, changedAt } = isGood ? held : await this.#shared(key, namespace, name, held);
    const outcome = { ...(value !== undefined && { value }), ...(problem !== undefined && { problem }) };
    // Also when somebody else renewed it a moment ago: this caller may have used what was there before.
    return { ...outcome, hasChanged: now() - changedAt < LIFETIMES.unread };
  }

  async #shared(key: string, namespace: string, name: string, before?: Held<T>): Promise<Held<T>> {
    const { kind, now } = this.#options;
    const others = this.#underWay.get(key);
    if (others !== undefined) return others;
    if (this.#underWay.size >= MAX_READS) {
      const problem = `the ${kind} ${quote(name)} could not be read (too many are being read at once)`;
      return { problem, version: '', at: now(), changedAt: -Infinity };
    }
    const reading = this.#fetch(namespace, name, before).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, reading);
    const held = await reading;
    this.#held.set(key, held);
    return held;
  }

  async #fetch(namespace: string, name: string, before?: Held<T>): Promise<Held<T>> {
    const { kind, get, parse, now } = this.#options;
    let outcome: Outcome<T>;
    let version: string;
    try {
      const object = await get(namespace, name);
      outcome = parse(object);
      version = `${object.metadata.uid ?? ''} ${object.metadata.resourceVersion ?? ''}`;
    } catch (error) {
      // An API server that cannot be asked now takes nothing away that it gave before.
      if (before?.value !== undefined && !(error instanceof KubeApiError || error instanceof TooLargeError))
        return { ...before, at: now() };
      version = reasonOf(error);
      outcome = { problem: `the ${kind} ${quote(name)} could not be read (${version})` };
    }
    const at = now();
    const isSame = before === undefined || before.version === version;
    return { ...outcome, version, at, changedAt: isSame ? (before?.changedAt ?? -Infinity) : at };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TooLargeError) return 'it is too large';
  if (!(error instanceof KubeApiError)) return 'the API server did not answer';
  if (error.status === 404) return 'it does not exist';
  if (error.status === 401 || error.status === 403) return 'Countersign may not read it';
  return `the API server answered ${error.status}`;
}
