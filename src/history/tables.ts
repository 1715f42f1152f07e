import type { Generated } from 'kysely';
import type { StoredVerification, Verification } from './verification.ts';

/** Times are milliseconds since the epoch. Truth values are 0 and 1: SQLite has no others. */
export interface VerificationTable {
  id: Generated<number>;
  time: number;
  uid: string;
  image: string;
  digest: string | null;
  is_private: number;
  signature_found: number | null;
  signature_valid: number | null;
  signer_entry: string | null;
  signer: string | null;
  issuer: string | null;
  signed_at: number | null;
  slsa_level: number | null;
  builder: string | null;
  code: string | null;
  codes: string;
  detail: string | null;
  policy: string;
  mode: string;
  verdict: string;
  exception: string | null;
  decision: string;
  namespace: string;
  kind: string;
  name: string;
  username: string;
  operation: string;
  snapshot: number | null;
  replica: string;
  latency: number;
}

/** How many verifications of a kind there were in each five minutes: what charts are drawn from. */
export interface VerificationCountTable {
  bucket: number;
  verdict: string;
  mode: string;
  decision: string;
  /** Empty where there is none. */
  code: string;
  /** 0 where there is none. */
  slsa_level: number;
  verifications: number;
}

/** Who changed what. */
export interface AuditTable {
  id: Generated<number>;
  time: number;
  actor: string;
  action: string;
  kind: string;
  namespace: string;
  name: string;
  before_value: string | null;
  after_value: string | null;
  replica: string;
}

/** Batches that are in: one whose answer was lost is not written twice. */
export interface WrittenBatchTable {
  id: string;
  time: number;
}

export interface Tables {
  verifications: VerificationTable;
  verification_counts: VerificationCountTable;
  audit: AuditTable;
  written_batches: WrittenBatchTable;
}

type VerificationRow = Omit<VerificationTable, 'id'>;

export function toRow(verification: Verification): VerificationRow {
  const { signatureFound, signatureValid } = verification;
  return {
    time: verification.time,
    uid: verification.uid,
    image: verification.image,
    digest: verification.digest ?? null,
    is_private: Number(verification.isPrivate),
    signature_found: signatureFound === undefined ? null : Number(signatureFound),
    signature_valid: signatureValid === undefined ? null : Number(signatureValid),
    signer_entry: verification.signerEntry ?? null,
    signer: verification.signer ?? null,
    issuer: verification.issuer ?? null,
    signed_at: verification.signedAt ?? null,
    slsa_level: verification.slsaLevel ?? null,
    builder: verification.builder ?? null,
    code: verification.code ?? null,
    codes: verification.codes.join(' '),
    detail: verification.detail ?? null,
    policy: verification.policy,
    mode: verification.mode,
    verdict: verification.verdict,
    exception: verification.exception ?? null,
    decision: verification.decision,
    namespace: verification.namespace,
    kind: verification.kind,
    name: verification.name,
    username: verification.user,
    operation: verification.operation,
    snapshot: verification.snapshot ?? null,
    replica: verification.replica,
    latency: verification.latency,
  };
}

/** The database holds what `toRow` wrote: its closed sets are taken at their word. */
export function fromRow(row: VerificationRow & { readonly id: number }): StoredVerification {
  return {
    id: row.id,
    time: row.time,
    uid: row.uid,
    image: row.image,
    digest: row.digest ?? undefined,
    isPrivate: row.is_private === 1,
    signatureFound: row.signature_found === null ? undefined : row.signature_found === 1,
    signatureValid: row.signature_valid === null ? undefined : row.signature_valid === 1,
    signerEntry: row.signer_entry ?? undefined,
    signer: row.signer ?? undefined,
    issuer: row.issuer ?? undefined,
    signedAt: row.signed_at ?? undefined,
    slsaLevel: row.slsa_level ?? undefined,
    builder: row.builder ?? undefined,
    code: row.code ?? undefined,
    codes: row.codes === '' ? [] : row.codes.split(' '),
    detail: row.detail ?? undefined,
    policy: row.policy,
    mode: row.mode as Verification['mode'],
    verdict: row.verdict as Verification['verdict'],
    exception: row.exception ?? undefined,
    decision: row.decision as Verification['decision'],
    namespace: row.namespace,
    kind: row.kind,
    name: row.name,
    user: row.username,
    operation: row.operation,
    snapshot: row.snapshot ?? undefined,
    replica: row.replica,
    latency: row.latency,
  };
}
