import type { ConditionResult } from '../api/condition.ts';
import type { ImageReference } from '../image/reference.ts';
import type { RefusedEvidence, VerifiedSignature } from '../sigstore/verified-signature.ts';
import type { SlsaStatement } from '../slsa/slsa-statement.ts';
import type { FaultReason, Violation } from './verdict.ts';

/** A signature that verified, with what its statement says where it is an attestation that some policy asks for. */
export interface VerifiedFact extends VerifiedSignature {
  /** Provenance, or a verification summary. */
  readonly slsa?: SlsaStatement;
  /** Whether the statement fulfils the conditions of policies, by their source. */
  readonly conditions?: ReadonlyMap<string, ConditionResult>;
}

/** What was found for one digest. */
export interface FoundFacts {
  /** What came out of verifying every piece of evidence, by trust context (`BoundContext.id`). */
  readonly byContext: ReadonlyMap<string, readonly (VerifiedFact | RefusedEvidence)[]>;
  /** Evidence that could not be used, whoever is trusted. */
  readonly refused: readonly RefusedEvidence[];
  /** What could not be looked at. */
  readonly faults: readonly FaultReason[];
  /** It was looked for, and there is nothing at all. */
  readonly isEmpty?: true;
}

/** Everything that is known of one image when it is judged; the facts are those of its own digest. */
export interface ImageFacts extends FoundFacts {
  /** As the user wrote it. */
  readonly image: string;
  readonly reference: ImageReference | { readonly problem: string };
  readonly digest: DigestFact;
  /** The manifests of an index, where a policy asks for them. */
  readonly platforms: PlatformsFact;
  /** The index that the tag names, for an image that is pinned to one of its platforms. */
  readonly parent: ParentFact;
}

export type PlatformsFact =
  /** Nobody asked, or the digest is no index. */
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly platforms: readonly PlatformFacts[] }
  | Unknown;

export interface PlatformFacts extends FoundFacts {
  readonly digest: string;
  /** `linux/arm64`, for people. */
  readonly platform: string;
}

export type ParentFact =
  /** Nobody asked. */
  | { readonly kind: 'none' }
  /** The tag names something that does not hold the digest. */
  | { readonly kind: 'stranger'; readonly digest: string }
  | ({ readonly kind: 'known'; readonly digest: string } & FoundFacts)
  | Unknown;

type Unknown =
  | { readonly kind: 'refused'; readonly violation: Violation }
  | { readonly kind: 'fault'; readonly fault: FaultReason };

/** Of a digest that nobody looked for. */
export const NOTHING_FOUND: FoundFacts = { byContext: new Map(), refused: [], faults: [] };

export type DigestFact =
  | {
      readonly kind: 'known';
      readonly digest: string;
      /** True when a pull secret was needed to learn it. */
      readonly withPullSecret: boolean;
    }
  | Unknown
  /** Nobody asked for it, because no policy needs it. */
  | { readonly kind: 'unasked' };
