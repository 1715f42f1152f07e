import type { Resource } from '../api/resources.ts';
import type { TrustMaterial } from '../policy/trust-material.ts';

/** Whoever holds the keys and roots that resources refer to: what the stores need of it. */
export interface TrustMaterialSource {
  /** Told of all resources whenever they change: what they refer to is fetched from now on, beside every request. */
  want(resources: readonly Resource[]): void;
  /** What is known now. */
  material(): TrustMaterial;
  /** Called when that has changed; returns how to stop it. */
  onChange(listener: () => void): () => void;
}
