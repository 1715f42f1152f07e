import type { Fault } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Decision } from '../policy/decision.ts';

/** What the decision path needs from a registry. Implemented by `registry/`; every method obeys the signal. */
export interface ImageSource {
  /**
   * The digest that the reference's tag names now, from the bytes of the manifest or a HEAD; asked once per review.
   * @throws Fault when nobody can tell; Refusal when what the registry holds is bad (limit, digest mismatch).
   */
  resolve(image: ImageReference, signal: AbortSignal): Promise<string>;

  /** Everything that was found for a digest. Never throws for one bad piece: it stands beside the good ones. */
  discover(image: ImageReference, digest: string, options: DiscoverOptions): Promise<Discovery>;

  /** The bytes of a manifest, hashed against the digest: needed only where the signature is over the manifest itself. */
  manifest(image: ImageReference, digest: string, signal: AbortSignal): Promise<Uint8Array>;
}

export interface DiscoverOptions {
  readonly signal: AbortSignal;
  /** Look at the registry again rather than answer from what is remembered (at most once in 2 s for one image). */
  readonly fresh: boolean;
}

export interface Discovery {
  readonly evidence: readonly Evidence[];
  /** What was found and could not be used: above a limit, malformed, of another digest. */
  readonly refused: readonly RefusedEvidence[];
  /** What could not be looked at: with one of these, "nothing found" is not a "no". */
  readonly faults: readonly Fault[];
  /** True when this answer was remembered rather than looked up for this call. */
  readonly remembered: boolean;
}

/** The one immutable snapshot of policies, signers and trust roots that a review is decided with. */
export interface SnapshotSource {
  /** @throws Fault NOT_SYNCED before the first lists are compiled, or when the snapshot is too old. */
  current(): Snapshot;
}

/** The labels of a namespace: from an informer, else asked. */
export interface NamespaceSource {
  /** @throws Fault NAMESPACE_UNKNOWN; never "no labels" for a namespace that was not seen yet. */
  labels(namespace: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
}

/** Told of every decision after it is made: metrics, log, Events. Must not throw and is not waited for. */
export interface DecisionObserver {
  /** @param milliseconds from the parsed request to the decision */
  decided(decision: Decision, milliseconds: number): void;
}
