import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyReference } from '../../api/key-reference.ts';
import { asError, Fault, Refusal } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { KeyState } from '../../policy/trust-material.ts';
import type { VerificationKey } from '../../sigstore/public-key.ts';
import { codeOf, nameOf } from './key-fault.ts';
import type { KeyTiming } from './key-timing.ts';
import type { Slots } from './slots.ts';
import { withSignal } from './with-signal.ts';

type Keys = Extract<KeyState, { kind: 'known' }>['keys'];

export interface WatchedKeyOptions {
  readonly resolve: (reference: KeyReference, signal: AbortSignal) => Promise<readonly VerificationKey[]>;
  readonly timing: KeyTiming;
  readonly slots: Slots;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The state is another one. */
  readonly changed: () => void;
  readonly resolved: (outcome: 'ok' | 'error', seconds: number) => void;
}

/** One reference, read again and again until it is stopped. */
export class WatchedKey {
  readonly #reference: KeyReference;
  readonly #options: WatchedKeyOptions;
  readonly #stopping = new AbortController();
  #known: { readonly keys: Keys; readonly resolvedAt: number } | undefined;
  /** Why the last attempt failed. */
  #error: string | undefined;
  /** In a row. */
  #failures = 0;
  #expiry: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(reference: KeyReference, options: WatchedKeyOptions) {
    this.#reference = reference;
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#follow(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#expiry);
    this.#stopping.abort();
    await this.#running;
  }

  state(): KeyState {
    const { uri } = this.#reference;
    const usableUntil = this.#usableUntil();
    if (this.#known === undefined || usableUntil === undefined) {
      return this.#error === undefined
        ? { kind: 'unavailable', reason: `${uri} has not been read yet`, isPending: true }
        : { kind: 'unavailable', reason: this.#error };
    }
    if (this.#options.now() >= usableUntil) {
      const since = new Date(this.#known.resolvedAt).toISOString();
      return {
        kind: 'unavailable',
        reason: `${this.#error ?? `${uri} could not be read again`} (last read ${since})`,
      };
    }
    const { keys, resolvedAt } = this.#known;
    return { kind: 'known', keys, usableUntil, resolvedAt, error: this.#error };
  }

  #usableUntil(): number | undefined {
    return this.#known === undefined ? undefined : this.#known.resolvedAt + this.#options.timing.keep;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#read(signal);
      await sleep(this.#pause(), undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Never throws. */
  async #read(signal: AbortSignal): Promise<void> {
    const { resolve, slots, timing, resolved } = this.#options;
    // Of the reading alone, without the time in line.
    let started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    try {
      const keys = await slots.run(signal, () => {
        started = performance.now();
        return readKeys(
          resolve,
          this.#reference,
          AbortSignal.any([signal, AbortSignal.timeout(timing.deadline)]),
        );
      });
      if (signal.aborted) return;
      resolved('ok', seconds());
      this.#succeeded(keys);
    } catch (error) {
      if (signal.aborted) return;
      resolved('error', seconds());
      this.#failed(error);
    }
  }

  #succeeded(keys: Keys): void {
    const { logger, now, changed } = this.#options;
    const fingerprints = keys.map(({ fingerprint }) => fingerprint);
    const before = this.#known?.keys.map(({ fingerprint }) => fingerprint).join();
    const fields = { key: this.#reference.uri, fingerprints };
    if (before === undefined) logger.info(fields, 'the key was read');
    else if (before !== fingerprints.join()) logger.warn({ ...fields, before }, 'the key is another one now');
    else if (this.#error !== undefined) logger.info(fields, 'the key could be read again');
    this.#known = { keys, resolvedAt: now() };
    this.#error = undefined;
    this.#failures = 0;
    this.#expireIn(this.#options.timing.keep);
    changed();
  }

  #failed(thrown: unknown): void {
    const { logger, changed } = this.#options;
    const error = `${this.#reference.uri} could not be read: ${sentence(thrown)}`;
    this.#failures += 1;
    const fields = { key: this.#reference.uri, err: causeOf(thrown), failures: this.#failures };
    if (error === this.#error) {
      logger.debug(fields, error);
      return;
    }
    logger.warn(fields, error);
    this.#error = error;
    changed();
  }

  /** The snapshot says so by itself; a new one has the words for it. */
  #expireIn(milliseconds: number): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => {
      this.#options.logger.error(
        { key: this.#reference.uri },
        'the key was not read for too long: it counts no more',
      );
      this.#options.changed();
    }, milliseconds).unref();
  }

  /** Milliseconds to the next attempt. */
  #pause(): number {
    const { refresh, retryFirst, retryLast } = this.#options.timing;
    if (this.#failures === 0) return refresh * (0.9 + 0.2 * Math.random());
    // Full jitter, so that replicas which lost a server together do not come back together.
    return Math.random() * Math.min(retryLast, retryFirst * 2 ** Math.min(this.#failures - 1, 16));
  }
}

/** One reading. Ends with the signal even where a vendor's client does not obey it. */
export async function readKeys(
  resolve: WatchedKeyOptions['resolve'],
  reference: KeyReference,
  signal: AbortSignal,
): Promise<Keys> {
  const keys = await withSignal(resolve(reference, signal), signal);
  const [first, ...others] = distinct(keys);
  if (first === undefined)
    throw new Fault('KEY_UNAVAILABLE', 'its store has no version of it that may be used');
  return [first, ...others];
}

/** One key twice would be two contexts for one fingerprint. */
function distinct(keys: readonly VerificationKey[]): readonly VerificationKey[] {
  return [...new Map(keys.map((key) => [key.fingerprint, key])).values()];
}

/** For people. Only our own sentences: anybody else's may quote an answer or a credential. */
export function sentence(thrown: unknown): string {
  if (thrown instanceof Fault || thrown instanceof Refusal) return thrown.message;
  if (nameOf(thrown) === 'TimeoutError') return 'its store did not answer in time';
  return "its store, or the client for it, failed in an unknown way; Countersign's log has the name of the error";
}

/** For the log: the name of what was thrown and of its cause, and no text of either. */
export function causeOf(thrown: unknown): string {
  const { cause } = asError(thrown);
  return cause === undefined ? nameOf(thrown) : `${nameOf(thrown)} (${nameOf(cause)} ${codeOf(cause)})`;
}
