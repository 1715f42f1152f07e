import type { RefPattern } from './ref-pattern.ts';
import type { SourcePattern } from './source-uri.ts';

export type SlsaLevel = 1 | 2 | 3;

/** What a policy asks of provenance. Lists that are empty ask for nothing, except where their field says otherwise. */
export interface SlsaPolicy {
  readonly requiredLevel: SlsaLevel;
  /** The only builders that count. Empty: those of the roster (`roster.ts`), with its levels. */
  readonly builders: readonly BuilderRule[];
  readonly sources: readonly SourceRule[];
  /** Any of them. */
  readonly refs: readonly RefPattern[];
  /** Whole URIs. */
  readonly buildTypes: readonly string[];
  /** Events, such as `push`. */
  readonly triggers: readonly string[];
  /** Such as `github-hosted`. */
  readonly runnerEnvironment: string | undefined;
  /** The issuers whose certificates speak for GitHub Actions, each whole (`githubServerOf`); never empty. */
  readonly githubIssuers: readonly string[];
  /** Whose verification summaries count. */
  readonly verifiers: readonly VerifierRule[];
  /** Milliseconds since the statement was signed, by trusted time. */
  readonly maxAge: number | undefined;
}

/** One builder of a policy. What it leaves open is the roster's to say. */
export interface BuilderRule {
  /** Byte for byte; with `@…` in it, that version only. */
  readonly id: string;
  /** Versions behind `@`; any of them. Empty: the roster's for this builder, or any. */
  readonly refs: readonly RefPattern[];
  /** May be lower than the roster's. */
  readonly level: SlsaLevel | undefined;
  /** The one TrustedSigner whose signatures speak for it, in place of the roster's rule. */
  readonly signerRef: string | undefined;
}

export interface SourceRule {
  readonly uri: SourcePattern;
  /** The platform's number of the owner: names can be given up and taken by somebody else. */
  readonly ownerID: string | undefined;
  readonly repositoryID: string | undefined;
}

export interface VerifierRule {
  /** `verifier.id`, byte for byte. */
  readonly id: string;
  /** The one TrustedSigner whose signatures speak for it. */
  readonly signerRef: string;
  /** The policy that it must have verified against; undefined = any. */
  readonly policyUri: string | undefined;
}

/** Codes of "no" of this folder, beside those of bad evidence. A closed set: metrics, messages and tests are keyed by it. */
export const SLSA_VIOLATION_CODES = [
  'ATT_MISSING', // there is no provenance, nor a summary, for the image
  'ATT_STALE', // older than maxAge, from the future, or of no trusted time
  'SLSA_BUILDER', // signed by somebody who may not speak for the builder, or a builder that the policy does not name
  'SLSA_LEVEL', // its builder gives a lower level than required
  'SLSA_SOURCE', // another source, or a predicate that contradicts itself or its certificate
  'SLSA_REF', // another branch or tag
  'SLSA_BUILD_TYPE', // another build type
  'SLSA_TRIGGER', // another event
  'SLSA_RUNNER', // another runner environment
  'VSA_INVALID', // a verification summary that does not count
] as const;

export type SlsaViolationCode = (typeof SLSA_VIOLATION_CODES)[number];
