import type { Mode } from '../api/resources.ts';
import type { SignedContent, SubjectName } from '../sigstore/verified-signature.ts';
import type { JsonValue } from '../strict-json.ts';
import type { FaultReason, PolicyIdentity, Violation, ViolationCode } from './verdict.ts';

/**
 * Why an image is what it is, from the image down to each proof, as JSON: for people, the command line, the API and the admin page.
 * Sentences (`headline`, `detail`, `signedBy`, `expected`, `next`, …) are escaped and bounded like those of a denial. Verified values
 * (names, issuers, extensions) are exact: whoever shows them has to escape them. Times are ISO 8601. What is undefined is absent.
 */
export interface Explanation {
  /** As the user wrote it. */
  readonly image: string;
  /** That everything was judged by; undefined where it could not be learned. */
  readonly digest: string | undefined;
  /** Of all policies together: violated > faulted > verified. */
  readonly verdict: VerdictKind;
  readonly policies: readonly PolicyExplanation[];
}

export type VerdictKind = 'verified' | 'violated' | 'faulted';

/** One image under one policy. */
export interface PolicyExplanation {
  /** Undefined = no policy covers the image. */
  readonly policy: PolicyIdentity | undefined;
  readonly mode: Mode;
  readonly verdict: VerdictKind;
  /** Because of which the verdict denies nothing in the namespace that was asked about; absent = none. */
  readonly exception?: ExceptionExplanation;
  /** The first line of a denial. */
  readonly headline: string;
  /** Who vouched; empty unless verified. */
  readonly signers: readonly SignerExplanation[];
  /** Violations or faults, the most telling first; empty when verified. */
  readonly reasons: readonly ReasonExplanation[];
  readonly warnings: readonly string[];
  readonly expected: string | undefined;
  readonly next: string | undefined;
  readonly trustedKeys: readonly EntryExplanation[];
  /** The digest itself, and where the policy asks for them its platforms or the index that holds it. */
  readonly subjects: readonly SubjectExplanation[];
}

/** A `SigningException`. */
export interface ExceptionExplanation {
  readonly name: string;
  readonly expiresAt: string;
}

export interface ReasonExplanation {
  readonly code: ViolationCode | FaultReason['code'];
  readonly detail: string;
}

export interface SignerExplanation {
  /** `TrustedSigner "release-ci"`, or `trustedKeys[0]`. */
  readonly entry: string;
  readonly identity: string;
  readonly issuer: string | undefined;
  readonly signedAt: string | undefined;
}

/** One entry of `trustedKeys`, with its references followed. */
export interface EntryExplanation {
  readonly entry: string;
  /** `unavailable`: its key or its root cannot be had now. `unusable`: broken or missing. */
  readonly state: 'usable' | 'unavailable' | 'unusable';
  /** Whom it expects, or why it cannot be used. */
  readonly detail: string;
}

/** Something that evidence was looked for. */
export interface SubjectExplanation {
  readonly role: 'image' | 'platform' | 'index';
  readonly digest: string;
  /** `linux/arm64`, of a platform. */
  readonly platform: string | undefined;
  readonly evidence: readonly EvidenceExplanation[];
  /** Statements about how it was built; absent where the policy asks for none. */
  readonly provenance?: readonly ProvenanceExplanation[];
  /** What could not be looked at. */
  readonly faults: readonly FaultReason[];
}

/** One piece of evidence. */
export interface EvidenceExplanation {
  /** Where it was found. */
  readonly source: string;
  /** Undefined where it did not verify, so that nobody knows what it is. */
  readonly content: SignedContent | undefined;
  /** Undefined where it did not verify with anything that the policy trusts. */
  readonly proof: ProofExplanation | undefined;
  /** Entries of `trustedKeys` that it counts for. */
  readonly countsFor: readonly string[];
  /** Why not for the others; without entries, for nothing that the policy names. */
  readonly refusals: readonly RefusalExplanation[];
}

export interface RefusalExplanation extends Violation {
  readonly entries: readonly string[];
}

/** What verified. */
export interface ProofExplanation {
  readonly signedBy: string;
  readonly signer:
    | {
        readonly kind: 'certificate';
        readonly issuer: string;
        readonly names: readonly SubjectName[];
        readonly extensions: Readonly<Record<string, string>>;
        /** Fingerprint of the trust root. */
        readonly trustRoot: string;
      }
    | { readonly kind: 'key'; readonly fingerprint: string };
  /** Digests that were signed, at most a few of them. */
  readonly digests: readonly string[];
  readonly log: ProofsExplanation<{
    readonly logId: string;
    readonly logIndex: string;
    readonly integratedAt: string | undefined;
  }>;
  readonly timestamps: ProofsExplanation<{ readonly authority: string; readonly signedAt: string }>;
}

/** One verified provenance, or verification summary, under the policy's `slsa`: the facts are those that its signer may vouch for. */
export interface ProvenanceExplanation {
  /** Where it was found. */
  readonly evidence: string;
  readonly kind: 'provenance' | 'summary' | 'unreadable';
  /** Whether it fulfils all that the policy asks. */
  readonly counts: boolean;
  /** SLSA build level; 0 = it is no provenance of this image. */
  readonly level: number;
  readonly builder: string | undefined;
  /** Of a summary. */
  readonly verifier: string | undefined;
  readonly source: string | undefined;
  readonly ref: string | undefined;
  readonly commit: string | undefined;
  readonly trigger: string | undefined;
  readonly runnerEnvironment: string | undefined;
  readonly buildType: string | undefined;
  readonly signedBy: string;
  readonly signedAt: string | undefined;
  /** Why it does not count. */
  readonly reasons: readonly ReasonExplanation[];
  /** What it says of itself, whoever may vouch for that; only for who asked. */
  readonly statement?: StatementExplanation;
}

/** A provenance in its own words, as far as anybody would read on. */
export interface StatementExplanation {
  readonly entryPoint: string | undefined;
  readonly invocation: string | undefined;
  readonly startedOn: string | undefined;
  readonly finishedOn: string | undefined;
  readonly builderVersion: Readonly<Record<string, string>> | undefined;
  /** External parameters; absent also where they are too large to be kept. */
  readonly parameters: JsonValue | undefined;
  /** The first of them. */
  readonly resolvedDependencies: readonly {
    readonly name: string | undefined;
    readonly uri: string | undefined;
    readonly digest: Readonly<Record<string, string>>;
  }[];
  /** All of them. */
  readonly resolvedDependencyCount: number;
}

export type ProofsExplanation<T> =
  | { readonly state: 'absent' }
  | { readonly state: 'valid'; readonly proofs: readonly T[] }
  | ({ readonly state: 'invalid' } & Violation);
