import type { TransparencyLogEntry } from '@sigstore/bundle';
import { VerificationError, Verifier } from '@sigstore/verify';
import { Refusal, type RefusalCode } from '../errors.ts';
import { NEVER } from './authority.ts';
import { proofOfLog } from './checkpoint.ts';
import { firstThatHolds } from './first-that-holds.ts';
import { checkEntrySigner, parseEntryBody } from './log-entry-key.ts';
import { checkEntryShape } from './log-entry-shape.ts';
import { checkOldInToto, isOldInToto } from './log-promise.ts';
import type { ProofSubject } from './proofs.ts';
import { trustMaterial, type TransparencyLog, type TrustRoot } from './trust-root.ts';
import type { LogProof, Proofs } from './verified-signature.ts';

/** A proof with the period in which the log's key is trusted. */
export interface VerifiedEntry {
  readonly proof: LogProof;
  /** Milliseconds, inclusive. */
  readonly start: number;
  readonly end: number;
}

/** Digits of an int64, in the one form that has no second spelling. */
const NOT_NEGATIVE = /^(0|[1-9]\d{0,18})$/;
const CODES: Readonly<Record<string, RefusalCode>> = {
  TLOG_BODY_ERROR: 'TLOG_MISMATCH',
  TLOG_MISSING_INCLUSION_ERROR: 'TLOG_MISSING',
};

/**
 * Verifies one entry against each log of its ID alone: that it is in the log, and that it is about this signature and signer.
 * @throws Refusal TLOG_INVALID, TLOG_MISMATCH, TLOG_MISSING, UNSUPPORTED, MALFORMED or LIMIT.
 */
export function verifyLogEntry(
  entry: TransparencyLogEntry,
  subject: ProofSubject,
  root: TrustRoot,
): VerifiedEntry {
  checkNumbers(entry);
  // The library parses it without bounds, before it has looked at any proof.
  const body = parseEntryBody(entry);
  checkEntryShape(entry, body);
  const logs = root.logs.filter(({ logID }) => logID.equals(entry.logId.keyId));
  const log = firstThatHolds(logs, (candidate) => {
    checkInclusion(entry, subject, candidate);
    if (isOldInToto(entry)) checkOldInToto(entry, body, subject.content, candidate);
  });
  if (log === undefined) {
    throw new Refusal(
      'TLOG_INVALID',
      'the log entry is of a transparency log that the trust root does not name',
    );
  }
  checkEntrySigner(body, subject.signer);
  // Only a log's signature over the time makes it one; a proof of inclusion does not cover it (attack A3).
  const integratedAt = entry.inclusionPromise === undefined ? undefined : Number(entry.integratedTime) * 1000;
  const logIndex =
    entry.inclusionPromise === undefined ? (entry.inclusionProof?.logIndex ?? '') : entry.logIndex;
  return {
    proof: { logId: log.logID.toString('hex'), logIndex, integratedAt },
    start: log.validFor.start.getTime(),
    end: log.validFor.end.getTime(),
  };
}

/** The library turns them into BigInt and Date, which throw, or round, on what is none (attack A8). */
function checkNumbers({ logIndex, integratedTime, inclusionProof }: TransparencyLogEntry): void {
  for (const number of [
    logIndex,
    integratedTime,
    inclusionProof?.logIndex ?? '0',
    inclusionProof?.treeSize ?? '0',
  ]) {
    if (!NOT_NEGATIVE.test(number))
      throw new Refusal('TLOG_INVALID', 'the log entry has an index or a time that is none');
  }
}

function checkInclusion(
  entry: TransparencyLogEntry,
  { content, key }: ProofSubject,
  log: TransparencyLog,
): void {
  const { inclusionProof } = entry;
  const provable = {
    ...entry,
    inclusionProof: inclusionProof === undefined ? undefined : proofOfLog(inclusionProof, log),
  };
  const material = trustMaterial({
    tlogs: [log],
    publicKey: () => ({ publicKey: key.key, validFor: () => true }),
  });
  try {
    new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 1, timestampThreshold: 0 }).verify({
      signature: content,
      key: { $case: 'public-key', hint: '' },
      tlogEntries: [provable],
      timestamps: [],
    });
  } catch (thrown) {
    // Names of enums that are newer than the library are plain errors of its reader.
    if (!(thrown instanceof VerificationError)) {
      throw new Refusal('TLOG_INVALID', 'the log entry cannot be read', { cause: thrown });
    }
    // The library has come as far as the body, which it cannot read: `checkOldInToto` does, and does not rely on how far it came.
    if (thrown.code === 'TLOG_BODY_ERROR' && isOldInToto(entry)) return;
    throw new Refusal(
      CODES[thrown.code] ?? 'TLOG_INVALID',
      `the log entry does not verify: ${thrown.message}`,
      {
        cause: thrown,
      },
    );
  }
}

/**
 * The key of a retired log may have leaked: its entries count only while the trusted times say that it was in use. The library
 * asks so for promises, not for checkpoints (attack A10).
 */
export function withinLogPeriods(
  entries: Proofs<VerifiedEntry>,
  stampedAt: readonly number[],
): Proofs<LogProof> {
  if (entries.state !== 'valid') return entries;
  const times = [...stampedAt];
  for (const { proof } of entries.proofs) {
    if (proof.integratedAt !== undefined) times.push(proof.integratedAt);
  }
  for (const { start, end } of entries.proofs) {
    if (times.length === 0 && end < NEVER) {
      return retired('the log is no longer in use, and nothing tells when the entry was made');
    }
    if (times.some((time) => time < start || time > end)) {
      return retired('the log entry was made outside the time in which the log is trusted');
    }
  }
  return { state: 'valid', proofs: entries.proofs.map(({ proof }) => proof) };
}

function retired(detail: string): Proofs<never> {
  return { state: 'invalid', code: 'TLOG_INVALID', detail };
}
