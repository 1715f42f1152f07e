import type { KeyReference } from '../api/key-reference.ts';
import type { Resource, TrustRootResource } from '../api/resources.ts';
import { referencesOf } from '../policy/snapshot.ts';
import type { VerificationKey } from '../sigstore/public-key.ts';
import type { KeyState, RootState, TrustMaterial } from '../policy/trust-material.ts';

/** What holds the keys behind references. */
export interface Keys {
  start(): void;
  stop(): Promise<void>;
  want(references: readonly KeyReference[]): void;
  state(reference: KeyReference): KeyState;
  read(reference: KeyReference, signal: AbortSignal): Promise<readonly VerificationKey[]>;
  onChange(listener: () => void): () => void;
}

/** What holds the roots that come over TUF. */
export interface Roots {
  start(): void;
  stop(): Promise<void>;
  want(resources: readonly TrustRootResource[]): void;
  state(resource: TrustRootResource): RootState;
  builtin(): ReadonlyMap<string, RootState>;
  onChange(listener: () => void): () => void;
}

/** Keys and roots that resources refer to: fetched when a resource names them, and renewed beside every request. */
export class TrustKeeper {
  readonly #keys: Keys;
  readonly #roots: Roots;

  constructor(keys: Keys, roots: Roots) {
    this.#keys = keys;
    this.#roots = roots;
  }

  start(): void {
    this.#keys.start();
    this.#roots.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#keys.stop(), this.#roots.stop()]);
  }

  want(resources: readonly Resource[]): void {
    this.#keys.want(resources.flatMap(referencesOf));
    this.#roots.want(resources.filter((resource) => resource.kind === 'TrustRoot'));
  }

  material(): TrustMaterial {
    return {
      key: (reference) => this.#keys.state(reference),
      root: (resource) => this.#roots.state(resource),
      builtin: this.#roots.builtin(),
    };
  }

  /** Reads a key now, for somebody who asks what a reference leads to. @throws Fault KEY_UNAVAILABLE with a sentence for people */
  readKey(reference: KeyReference, signal: AbortSignal): Promise<readonly VerificationKey[]> {
    return this.#keys.read(reference, signal);
  }

  onChange(listener: () => void): () => void {
    const forget = [this.#keys.onChange(listener), this.#roots.onChange(listener)];
    return () => forget.forEach((each) => each());
  }
}
