import type { KeyObject } from 'node:crypto';
import type { Fact } from '../admission/fact-cache.ts';
import type { StatementAnswer } from '../admission/statement-answer.ts';
import type { LargeEvidence } from '../sigstore/evidence.ts';
import type { ProofRequirements } from '../sigstore/trust-root.ts';
import type { KeyType } from '../sigstore/verification-key.ts';

/** A trust root as it is sent: it is parsed again, and has to have the same fingerprint. */
export interface SentRoot {
  readonly json: unknown;
  readonly requires: ProofRequirements;
  readonly fingerprint: string;
}

/** A key as it is sent: a Buffer arrives as a Uint8Array. */
export interface SentKey {
  readonly fingerprint: string;
  readonly type: KeyType;
  readonly key: KeyObject;
  readonly spki: Uint8Array;
  readonly certificate: Uint8Array | undefined;
  readonly validity: { readonly notBefore: number; readonly notAfter: number } | undefined;
}

export type SentContext =
  | { readonly kind: 'root'; readonly root: SentRoot }
  | { readonly kind: 'key'; readonly key: SentKey; readonly root: SentRoot | undefined };

export interface VerifyTask {
  readonly kind: 'verify';
  readonly evidence: LargeEvidence;
  readonly bytes: Uint8Array;
  readonly contexts: readonly SentContext[];
}

export interface AnswerTask {
  readonly kind: 'answer';
  readonly evidence: LargeEvidence;
  readonly slsa: boolean;
  readonly conditions: readonly { readonly source: string; readonly message: string }[];
}

export type Task = VerifyTask | AnswerTask;

export type VerifyResult = { readonly facts: readonly Fact[] } | Failed;
export type AnswerResult = { readonly answer: StatementAnswer } | Failed;

/** A defect of ours. */
export interface Failed {
  readonly failure: string;
}
