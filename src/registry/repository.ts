import type { Fault } from '../errors.ts';
import type { JsonValue } from '../strict-json.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import type { CosignTag } from './digest.ts';

/**
 * One repository, on a registry or in a layout. Bytes come within their limits but are not believed:
 * `content.ts` hashes them. `undefined` = there is none. Methods throw Fault and Refusal.
 */
export interface Repository {
  /** The registry's host, for messages. */
  readonly host: string;
  /** The digest that a tag names now. */
  resolve(tag: string, signal: AbortSignal): Promise<string | undefined>;
  /** Whether the image itself is there. */
  exists(digest: string, signal: AbortSignal): Promise<boolean>;
  /**
   * @param reference a tag or a digest
   * @param maxBytes above it: Refusal LIMIT; absent = `LIMITS.manifestBytes`
   */
  manifest(reference: string, signal: AbortSignal, maxBytes?: number): Promise<Uint8Array | undefined>;
  /** @param maxBytes above it: Refusal LIMIT */
  blob(digest: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Cosign 1–2's signatures or attestations of a digest: a manifest, with where it was found. */
  tagged(digest: string, kind: CosignTag, signal: AbortSignal): Promise<FoundManifest | undefined>;
  /** What refers to a digest. Never throws for what a registry does. */
  referrers(digest: string, options: ReferrersOptions): Promise<Referrers>;
}

export interface FoundManifest {
  readonly bytes: Uint8Array;
  /** `tag sha256-….sig` */
  readonly source: string;
}

export interface ReferrersOptions {
  readonly signal: AbortSignal;
  /** Do not rely on what is remembered of the registry. */
  readonly fresh: boolean;
}

export interface Referrers {
  /** Descriptors, not parsed; of each list never more than `LIMITS.referrers`. */
  readonly descriptors: readonly JsonValue[];
  readonly refused: readonly RefusedEvidence[];
  readonly faults: readonly Fault[];
}
