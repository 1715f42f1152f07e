import { LRUCache } from 'lru-cache';
import { atMost } from '../limits.ts';
import type { Evidence, FoundEvidence, LargeEvidence } from '../sigstore/evidence.ts';
import type { VerifiedFact } from '../policy/image-facts.ts';
import type { RefusedEvidence, VerifiedSignature } from '../sigstore/verified-signature.ts';
import { evidenceKey, verifyEvidence, type Artifact, type TrustContext } from '../sigstore/verify.ts';

export type Fact = VerifiedFact | RefusedEvidence;

/** Told of hits and misses, for metrics. */
export type CacheObserver = (hit: boolean) => void;

/** A fact is about 1 KiB. Refusals have their own, smaller room: junk must not push out what was verified. */
const MAX_VERIFIED = 20_000;
const MAX_REFUSED = 5_000;
/** A statement about 1,024 images, which anybody can sign who has a certificate, makes a fact of 150 KiB. */
const MAX_VERIFIED_BYTES = 64 * 1024 * 1024;
const FACT_BYTES = 1024;
const DIGEST_BYTES = 150;

/**
 * Cryptographic facts by everything that their verification reads (design §3): the bytes of the evidence, the trust that
 * it was verified with, and the verifier's version. Nothing here depends on a policy or on now, so nothing is ever stale.
 */
export class FactCache {
  readonly #verified: LRUCache<string, VerifiedSignature>;
  readonly #refused = new LRUCache<string, RefusedEvidence>(atMost(MAX_REFUSED));
  readonly #observe: CacheObserver;

  /** @param maxBytes of what was verified, in all */
  constructor(observe: CacheObserver = () => {}, maxBytes = MAX_VERIFIED_BYTES) {
    // So that there are never more than MAX_VERIFIED, however small.
    const least = Math.ceil(maxBytes / MAX_VERIFIED);
    this.#verified = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (fact) => Math.max(least, bytesOf(fact)),
    });
    this.#observe = observe;
  }

  /** The fact if it is known. */
  known(evidence: FoundEvidence, context: TrustContext, artifact: Artifact | undefined): Fact | undefined {
    const key = evidenceKey(evidence, context, artifact?.digest);
    const fact = this.#verified.get(key) ?? this.#refused.get(key);
    this.#observe(fact !== undefined);
    // The same bytes may stand in several places: what is told is where they were found this time.
    return fact === undefined ? undefined : { ...fact, source: evidence.source };
  }

  /** Verifies, on this thread: some milliseconds of CPU. */
  verify(evidence: Evidence, context: TrustContext, artifact: Artifact | undefined): Fact {
    const fact = verifyEvidence(evidence, context, artifact);
    this.#remember(evidenceKey(evidence, context, artifact?.digest), fact);
    return fact;
  }

  /** Remembers what another thread has verified. */
  learned(evidence: LargeEvidence, context: TrustContext, fact: Fact): void {
    this.#remember(evidenceKey(evidence, context), fact);
  }

  #remember(key: string, fact: Fact): void {
    if ('code' in fact) this.#refused.set(key, fact);
    else this.#verified.set(key, fact);
  }
}

/** What a fact takes, roughly: a certificate's names and extensions have 16 KiB at most. */
function bytesOf({ digests, signer }: VerifiedSignature): number {
  const texts =
    signer.kind === 'certificate'
      ? [signer.issuer, ...signer.names.map(({ value }) => value), ...Object.values(signer.extensions)]
      : [];
  const chars = texts.reduce((sum, { length }) => sum + length, 0);
  return FACT_BYTES + DIGEST_BYTES * digests.length + 2 * chars;
}
