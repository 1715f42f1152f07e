import type { ImageReference } from '../image/reference.ts';
import type { RefusedEvidence, VerifiedSignature } from '../sigstore/verified-signature.ts';
import type { FaultReason, Violation } from './verdict.ts';

/** Everything that is known of one image when it is judged. */
export interface ImageFacts {
  /** As the user wrote it. */
  readonly image: string;
  readonly reference: ImageReference | { readonly problem: string };
  readonly digest: DigestFact;
  /** What came out of verifying every piece of evidence, by trust context (`SignerEntry.contextId`). */
  readonly byContext: ReadonlyMap<string, readonly (VerifiedSignature | RefusedEvidence)[]>;
  /** Evidence that could not be used, whoever is trusted. */
  readonly refused: readonly RefusedEvidence[];
  /** What could not be looked at. */
  readonly faults: readonly FaultReason[];
}

export type DigestFact =
  | { readonly kind: 'known'; readonly digest: string }
  | { readonly kind: 'refused'; readonly violation: Violation }
  | { readonly kind: 'fault'; readonly fault: FaultReason }
  /** Nobody asked for it, because no policy needs it. */
  | { readonly kind: 'unasked' };
