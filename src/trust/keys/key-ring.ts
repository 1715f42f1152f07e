import type { KeyReference, KeyScheme } from '../../api/key-reference.ts';
import { LIMITS } from '../../limits.ts';
import { asError, Fault } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { KeyState } from '../../policy/trust-material.ts';
import type { VerificationKey } from '../../sigstore/public-key.ts';
import { defaultKeyTiming, type KeyTiming } from './key-timing.ts';
import { Slots } from './slots.ts';
import { causeOf, readKeys, sentence, WatchedKey, type WatchedKeyOptions } from './watched-key.ts';

/** Reads keys, wherever they are kept; `key-resolver.ts` is the one there is. */
export interface KeySource {
  resolve(reference: KeyReference, signal: AbortSignal): Promise<readonly VerificationKey[]>;
  close(): Promise<void>;
}

/** Told of every attempt to read a key. */
export interface KeyObserver {
  resolved(scheme: KeyScheme, outcome: 'ok' | 'error', seconds: number): void;
}

export interface KeyRingOptions {
  readonly source: KeySource;
  readonly logger: Logger;
  readonly observer?: KeyObserver;
  readonly timing?: Partial<KeyTiming>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** References that are read at once. */
  readonly concurrency?: number;
}

/** Key stores answer in tens of milliseconds; eight that do not must not hold up the others for long. */
const CONCURRENCY = 8;
const QUESTIONS = 2;

/** The public keys behind references: read when they are first wanted and again in the background, never for a request. */
export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #timing: KeyTiming;
  readonly #slots: Slots;
  /** Of `read`: people who ask leave most places to what admissions rely on. */
  readonly #questions = new Slots(QUESTIONS);
  readonly #keys = new Map<string, WatchedKey>();
  /** Beyond the limit. */
  readonly #turnedAway = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #started = false;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#timing = { ...defaultKeyTiming, ...options.timing };
    this.#slots = new Slots(options.concurrency ?? CONCURRENCY);
  }

  start(): void {
    this.#started = true;
    for (const key of this.#keys.values()) key.start();
  }

  async stop(): Promise<void> {
    this.#started = false;
    await Promise.all(Array.from(this.#keys.values(), (key) => key.stop()));
    this.#keys.clear();
    await this.#options.source.close();
  }

  /** All references that resources hold now: new ones are read at once, others are forgotten. */
  want(references: readonly KeyReference[]): void {
    const wanted = new Map(references.map((reference) => [reference.uri, reference]));
    for (const [uri, key] of this.#keys) {
      if (wanted.has(uri)) continue;
      this.#keys.delete(uri);
      void key.stop();
    }
    this.#turnedAway.clear();
    for (const [uri, reference] of wanted) {
      if (this.#keys.has(uri)) continue;
      if (this.#keys.size >= LIMITS.keyReferences) this.#turnedAway.add(uri);
      else this.#watch(reference);
    }
  }

  state({ uri }: KeyReference): KeyState {
    const key = this.#keys.get(uri);
    if (key !== undefined) return key.state();
    return {
      kind: 'unavailable',
      reason: this.#turnedAway.has(uri)
        ? `${uri} is not read: more than ${LIMITS.keyReferences} keys are referred to; remove some, or give keys as PEM`
        : `${uri} has not been read yet`,
    };
  }

  /**
   * Reads a reference once, for somebody who asks what it leads to: in line with everything else that is read, at most a few at a time.
   * Nothing is kept.
   * @throws Fault KEY_UNAVAILABLE with a sentence for people, and nothing in it that a server wrote
   */
  async read(reference: KeyReference, signal: AbortSignal): Promise<readonly VerificationKey[]> {
    const { source, logger } = this.#options;
    const until = AbortSignal.any([signal, AbortSignal.timeout(this.#timing.deadline)]);
    try {
      return await this.#questions.run(until, () =>
        this.#slots.run(until, () => readKeys((...asked) => source.resolve(...asked), reference, until)),
      );
    } catch (error) {
      const { uri } = reference;
      logger.debug({ key: uri, err: causeOf(error) }, 'a key that was asked about could not be read');
      throw new Fault('KEY_UNAVAILABLE', `${uri} could not be read: ${sentence(error)}`, { cause: error });
    }
  }

  /** Called when the state of a reference has changed; returns how to stop it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #watch(reference: KeyReference): void {
    const { source, logger, now = Date.now, observer } = this.#options;
    const { scheme } = reference;
    const options: WatchedKeyOptions = {
      resolve: (wanted, signal) => source.resolve(wanted, signal),
      timing: this.#timing,
      slots: this.#slots,
      logger,
      now,
      changed: () => this.#tell(),
      resolved: (outcome, seconds) => this.#guarded(() => observer?.resolved(scheme, outcome, seconds)),
    };
    const key = new WatchedKey(reference, options);
    this.#keys.set(reference.uri, key);
    if (this.#started) key.start();
  }

  #tell(): void {
    for (const listener of this.#listeners) this.#guarded(listener);
  }

  /** A defect of whoever listens must not end the reading of keys. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.logger.error({ err: asError(error).message }, 'a listener to keys failed');
    }
  }
}
