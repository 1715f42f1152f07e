import { crypto as sigstoreCrypto, json } from '@sigstore/core';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Refusal } from '../errors.ts';
import { at, type parseEntryBody } from './log-entry-key.ts';
import type { SignatureContent } from './signature-content.ts';
import type { TransparencyLog } from './trust-root.ts';

/** Every `cosign attest` before 2.0 made such entries; the library does not read them. */
export function isOldInToto({ kindVersion }: TransparencyLogEntry): boolean {
  return kindVersion.kind === 'intoto' && kindVersion.version === '0.0.1';
}

/**
 * Verifies an `intoto` 0.0.1 entry (rekor, pkg/types/intoto/v0.0.1): that the log promised it at its time, and that it is about this
 * envelope. Such an entry counts by its promise, which Rekor v1 always gave.
 * @throws Refusal TLOG_INVALID, TLOG_MISSING or TLOG_MISMATCH.
 */
export function checkOldInToto(
  entry: TransparencyLogEntry,
  body: ReturnType<typeof parseEntryBody>,
  content: SignatureContent,
  log: TransparencyLog,
): void {
  checkPromise(entry, log);
  if (!content.compareEnvelopeDigest(sha256At(body, ['spec', 'content', 'hash']))) {
    throw new Refusal('TLOG_MISMATCH', 'the log entry is about another envelope');
  }
  if (!content.compareDigest(sha256At(body, ['spec', 'content', 'payloadHash']))) {
    throw new Refusal('TLOG_MISMATCH', 'the log entry is about another payload');
  }
}

/** The signed entry timestamp of Rekor v1: over canonical JSON of these four fields. */
function checkPromise(entry: TransparencyLogEntry, log: TransparencyLog): void {
  const { canonicalizedBody, integratedTime, logIndex, logId, inclusionPromise } = entry;
  if (inclusionPromise === undefined) {
    throw new Refusal('TLOG_MISSING', 'the log entry lacks the promise of the log');
  }
  const [seconds, index] = [Number(integratedTime), Number(logIndex)];
  // The period is inclusive, as for other kinds of entries.
  const time = new Date(seconds * 1000);
  const promised = json.canonicalize({
    body: canonicalizedBody.toString('base64'),
    integratedTime: seconds,
    logIndex: index,
    logID: logId.keyId.toString('hex'),
  });
  if (
    !(log.validFor.start <= time && time <= log.validFor.end) ||
    !sigstoreCrypto.verify(Buffer.from(promised), log.publicKey, inclusionPromise.signedEntryTimestamp)
  ) {
    throw new Refusal('TLOG_INVALID', 'the log entry does not verify: the promise is not of the log');
  }
}

function sha256At(body: ReturnType<typeof parseEntryBody>, path: readonly string[]): Buffer {
  const algorithm = at(body, [...path, 'algorithm']);
  const value = at(body, [...path, 'value']);
  if (algorithm !== 'sha256' || typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) {
    throw new Refusal('TLOG_MISMATCH', `the log entry has no SHA-256 at ${path.join('.')}`);
  }
  return Buffer.from(value, 'hex');
}
