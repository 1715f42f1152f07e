import type { Fault } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { FoundEvidence, LargeEvidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import type { Fact } from './fact-cache.ts';
import type { StatementAnswer } from './statement-answer.ts';
import type { StatementQuestion } from './statement-questions.ts';
import type { Decision } from '../policy/decision.ts';

/** On whose behalf a registry is asked: whose pull secrets may be used, for whatever host they are made for. */
export interface Puller {
  readonly namespace: string;
  /** Names in `imagePullSecrets` of the Pod, or of the template; bounded. */
  readonly pullSecrets: readonly string[];
  readonly serviceAccount: string;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly puller: Puller;
}

/** What a tag names now. */
export interface Resolved {
  readonly digest: string;
  /** True when a pull secret of the namespace was needed to see it: not everybody may be told what it is. */
  readonly withPullSecret: boolean;
}

/** One manifest that an index names for a platform. */
export interface PlatformManifest {
  readonly digest: string;
  /** `linux/arm64/v8`, for people. */
  readonly platform: string;
}

/** What the decision path needs from a registry. Implemented by `registry/`; every method obeys the signal. */
export interface ImageSource {
  /**
   * The digest that the reference's tag names now, from the bytes of the manifest or a HEAD; asked once per review.
   * @throws Fault when nobody can tell; Refusal when what the registry holds is bad (limit, digest mismatch).
   */
  resolve(image: ImageReference, options: AskOptions): Promise<Resolved>;

  /** Everything that was found for a digest. Never throws for one bad piece: it stands beside the good ones. */
  discover(image: ImageReference, digest: string, options: DiscoverOptions): Promise<Discovery>;

  /** The bytes of a manifest, hashed against the digest: needed only where the signature is over the manifest itself. */
  manifest(image: ImageReference, digest: string, options: AskOptions): Promise<Uint8Array>;

  /**
   * The bytes of evidence that `discover` only named, hashed against its digest.
   * @throws Fault; Refusal
   */
  content(image: ImageReference, evidence: LargeEvidence, options: ContentOptions): Promise<Uint8Array>;

  /**
   * The platforms' manifests of an index, those of nested indexes among them, without attestation manifests; undefined
   * where the digest is no index. Each is hashed against the digest that names it.
   * @throws Fault; Refusal LIMIT for too many or too deep, MALFORMED, DIGEST_MISMATCH
   */
  platforms(
    image: ImageReference,
    digest: string,
    options: AskOptions,
  ): Promise<readonly PlatformManifest[] | undefined>;
}

export interface ContentOptions extends AskOptions {
  /** Where to look instead of beside the image: registry and repository; a tag or digest in it means nothing. */
  readonly signatureRepository?: ImageReference | undefined;
}

export interface DiscoverOptions extends ContentOptions {
  /** Look at the registry again rather than answer from what is remembered (at most once in 2 s for one image). */
  readonly fresh: boolean;
  /**
   * False where no policy asks for attestations: what only they are kept as is then not asked for, nor answered.
   * Bundles are looked at either way, because only their content tells which they are. Absent = true.
   */
  readonly attestations?: boolean | undefined;
  /** What is read first where there is more than can be read. Absent = signatures. */
  readonly ask?: EvidenceAsk | undefined;
}

/** What somebody wants to know of an image. It orders the work and leaves nothing out. */
export interface EvidenceAsk {
  readonly signatures: boolean;
  /** Of attestations, sorted; at most `LIMITS.askedPredicateTypes`. */
  readonly predicateTypes: readonly string[];
}

export interface Discovery {
  readonly evidence: readonly FoundEvidence[];
  /** What was found and could not be used: above a limit, malformed, of another digest. */
  readonly refused: readonly RefusedEvidence[];
  /** What could not be looked at: with one of these, "nothing found" is not a "no". */
  readonly faults: readonly Fault[];
  /** True when a pull secret of the namespace was needed to see any of it. */
  readonly withPullSecret: boolean;
  /** True when this answer was remembered rather than looked up for this call. */
  readonly remembered: boolean;
}

/** Reads evidence that would hold up the thread that decides; with the same code, in another thread. */
export interface EvidenceReader {
  /**
   * Verifies in each of the contexts, and answers in their order.
   * @param bytes are moved to the other thread: the array is empty afterwards
   * @throws Fault when the thread ended, or took too long
   */
  verify(
    evidence: LargeEvidence,
    bytes: Uint8Array,
    contexts: readonly TrustContext[],
  ): Promise<readonly Fact[]>;

  /** What the statement says of the evidence that was verified last. @throws Fault also for any other */
  answer(evidence: LargeEvidence, question: StatementQuestion): Promise<StatementAnswer>;
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
