import type { PolicyRules, ProofDemand } from '../api/resources.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import {
  trustedTimes,
  type LogProof,
  type Proofs,
  type TimestampProof,
  type VerifiedSignature,
} from '../sigstore/verified-signature.ts';
import { CLOCK_SKEW_MILLISECONDS } from '../slsa/age.ts';
import type { Violation } from './verdict.ts';

/** Which proofs of when a signature needs: what the policy asks, and what its trust root gives. */
export interface ProofTerms {
  readonly demand: { readonly log: ProofDemand; readonly timestamp: ProofDemand };
  /** Of distinct logs and authorities. */
  readonly requires: { readonly logEntries: number; readonly timestamps: number };
}

/** A trust root says what its certificates come with; keys are the policy's own business. */
export function termsOf(context: TrustContext, { transparency }: PolicyRules): ProofTerms {
  return context.kind === 'root'
    ? { demand: transparency.keyless, requires: context.root.requires }
    : { demand: transparency.keys, requires: NOTHING };
}

const NOTHING = { logEntries: 0, timestamps: 0 };

/** @param now milliseconds since the epoch */
export function proofViolation(
  terms: ProofTerms,
  signature: VerifiedSignature,
  now: number,
): Violation | undefined {
  return (
    logViolation(terms, signature) ??
    timestampViolation(terms, signature) ??
    futureViolation(terms, signature, now)
  );
}

/** Trusted times, without those of proofs that the policy ignores. Ascending, milliseconds since the epoch. */
export function countedTimes({ demand }: ProofTerms, signature: VerifiedSignature): readonly number[] {
  return trustedTimes({
    ...signature,
    log: demand.log === 'Ignored' ? ABSENT : signature.log,
    timestamps: demand.timestamp === 'Ignored' ? ABSENT : signature.timestamps,
  });
}

const ABSENT = { state: 'absent' } as const;

function logViolation({ demand, requires }: ProofTerms, { log }: VerifiedSignature): Violation | undefined {
  if (demand.log === 'Ignored') return undefined;
  if (log.state === 'invalid') return { code: log.code, detail: log.detail };
  const needed = Math.max(requires.logEntries, demand.log === 'Required' ? 1 : 0);
  const found = log.state === 'valid' ? distinct(log, (proof: LogProof) => proof.logId) : 0;
  if (found >= needed) return undefined;
  return found === 0
    ? { code: 'TLOG_MISSING', detail: 'it has no entry of a transparency log, and one is required' }
    : { code: 'THRESHOLD', detail: `it is in ${found} transparency log(s), and ${needed} are required` };
}

function timestampViolation(
  { demand, requires }: ProofTerms,
  { timestamps }: VerifiedSignature,
): Violation | undefined {
  if (demand.timestamp === 'Ignored') return undefined;
  if (timestamps.state === 'invalid') return { code: timestamps.code, detail: timestamps.detail };
  const needed = Math.max(requires.timestamps, demand.timestamp === 'Required' ? 1 : 0);
  const found =
    timestamps.state === 'valid' ? distinct(timestamps, (proof: TimestampProof) => proof.authority) : 0;
  if (found >= needed) return undefined;
  return found === 0
    ? { code: 'TIME_UNTRUSTED', detail: 'it has no timestamp of a timestamp authority, and one is required' }
    : {
        code: 'THRESHOLD',
        detail: `it has timestamps of ${found} authority(ies), and ${needed} are required`,
      };
}

function futureViolation(
  terms: ProofTerms,
  signature: VerifiedSignature,
  now: number,
): Violation | undefined {
  const latest = countedTimes(terms, signature).at(-1);
  if (latest === undefined || latest <= now + CLOCK_SKEW_MILLISECONDS) return undefined;
  const at = new Date(latest).toISOString();
  return { code: 'TIME_UNTRUSTED', detail: `it was signed at ${at}, which is in the future` };
}

function distinct<T>(proofs: Extract<Proofs<T>, { state: 'valid' }>, key: (proof: T) => string): number {
  return new Set(proofs.proofs.map(key)).size;
}
