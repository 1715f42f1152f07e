import { Fault, Refusal, type RefusalCode } from '../errors.ts';
import type { EntrySigner } from './log-entry-key.ts';
import { verifyLogEntry, withinLogPeriods } from './log-proof.ts';
import type { VerificationKey } from './verification-key.ts';
import { detailOf } from './refusal-detail.ts';
import type { SignatureContent } from './signature-content.ts';
import type { ProofMaterial, SignedMaterial } from './signed-material.ts';
import { verifyTimestamp } from './timestamp-proof.ts';
import type { TrustRoot } from './trust-root.ts';
import type { LogProof, Proofs, TimestampProof } from './verified-signature.ts';

/** What every proof has to be about. */
export interface ProofSubject {
  readonly content: SignatureContent;
  readonly key: VerificationKey;
  readonly signer: EntrySigner;
}

export interface VerifiedProofs {
  readonly log: Proofs<LogProof>;
  readonly timestamps: Proofs<TimestampProof>;
}

/** Verifies each log entry against one log, and each timestamp against one authority, so that each proof stands on its own. */
export function verifyProofs(
  material: SignedMaterial,
  subject: ProofSubject,
  root: TrustRoot | undefined,
): VerifiedProofs {
  const timestamps = verifyEach(material.timestamps, 'TIME_UNTRUSTED', (der) =>
    verifyTimestamp(der, subject, rootOf(root, 'TIME_UNTRUSTED')),
  );
  const entries = verifyEach(material.logEntries, 'TLOG_INVALID', (entry) =>
    verifyLogEntry(entry, subject, rootOf(root, 'TLOG_INVALID')),
  );
  const stampedAt = timestamps.state === 'valid' ? timestamps.proofs.map(({ signedAt }) => signedAt) : [];
  return { timestamps, log: withinLogPeriods(entries, stampedAt) };
}

/** One bad proof spoils all of its kind; what exactly went wrong first is kept. */
function verifyEach<T, P>(material: ProofMaterial<T>, code: RefusalCode, verify: (item: T) => P): Proofs<P> {
  if (material.kind === 'unreadable') return invalid(material.refusal, code);
  if (material.items.length === 0) return { state: 'absent' };
  try {
    return { state: 'valid', proofs: material.items.map(verify) };
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    return invalid(thrown, code);
  }
}

function invalid(thrown: unknown, code: RefusalCode): Proofs<never> {
  return {
    state: 'invalid',
    // Whatever a malformed proof is called inside, outside it is a proof that does not verify.
    code: thrown instanceof Refusal && thrown.code !== 'MALFORMED' ? thrown.code : code,
    detail: detailOf(
      thrown,
      code === 'TIME_UNTRUSTED' ? 'the timestamp is malformed' : 'the log entry is malformed',
    ),
  };
}

function rootOf(root: TrustRoot | undefined, code: RefusalCode): TrustRoot {
  if (root === undefined) throw new Refusal(code, 'there is no trust root to verify this proof with');
  return root;
}
