import type { Mode } from '../api/resources.ts';
import type { Outcome } from '../policy/verdict.ts';

/** What a policy said of an image. */
export type VerdictKind = Outcome['kind'];

/** `operation` of what no review brought in: somebody asked. */
export const ASKED = 'VERIFY';

/** One image under one policy, as it was decided. Texts are bounded and have no unprintable characters. */
export interface Verification {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Of the review. */
  readonly uid: string;
  /** As the user wrote it; empty for a review that was answered before its images were known. */
  readonly image: string;
  readonly digest: string | undefined;
  /** True when a pull secret was needed to see the image. */
  readonly isPrivate: boolean;
  /** Undefined where nothing was asked or nobody can tell. */
  readonly signatureFound: boolean | undefined;
  readonly signatureValid: boolean | undefined;
  /** Identity of the first signer, by name of entry and by what the certificate or key says. */
  readonly signerEntry: string | undefined;
  readonly signer: string | undefined;
  readonly issuer: string | undefined;
  /** Trusted time, milliseconds since the epoch. */
  readonly signedAt: number | undefined;
  readonly slsaLevel: number | undefined;
  readonly builder: string | undefined;
  /** First of `codes`; undefined = verified. */
  readonly code: string | undefined;
  readonly codes: readonly string[];
  /** Of the first reason. */
  readonly detail: string | undefined;
  /** `ClusterSigningPolicy/name`, `SigningPolicy/namespace/name` or `installation`. */
  readonly policy: string;
  readonly mode: Mode;
  readonly verdict: VerdictKind;
  /** Name of the SigningException because of which the verdict denied nothing; undefined = none. */
  readonly exception: string | undefined;
  /** Of the whole review. */
  readonly decision: 'admitted' | 'denied';
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly user: string;
  readonly operation: string;
  readonly snapshot: number | undefined;
  readonly replica: string;
  /** Milliseconds that the whole review took. */
  readonly latency: number;
}

/** A verification that was read back. */
export interface StoredVerification extends Verification {
  /** Ascends with the order of writing. */
  readonly id: number;
}
