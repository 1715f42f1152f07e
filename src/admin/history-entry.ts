import type { StoredVerification } from '../history/verification.ts';
import type { VerificationEntry } from './schemas/history.ts';

/** A row of the history as the API tells it; `docs/api.md` has the names that others use for the same. */
export function entryOf(row: StoredVerification): VerificationEntry {
  const { id, image, codes, policy, mode, verdict, decision, namespace, kind, name } = row;
  return {
    id,
    time: isoTime(row.time),
    assessmentId: row.uid,
    image,
    ...given('digest', row.digest),
    private: row.isPrivate,
    ...given('signatureFound', row.signatureFound),
    ...given('signatureValid', row.signatureValid),
    ...given('signerEntry', row.signerEntry),
    ...given('signerIdentity', row.signer),
    ...given('signerIssuer', row.issuer),
    ...given('signedAt', row.signedAt === undefined ? undefined : isoTime(row.signedAt)),
    ...given('slsaLevel', row.slsaLevel),
    ...given('slsaBuilder', row.builder),
    ...given('code', row.code),
    codes: [...codes],
    ...given('error', row.detail),
    ...given('exception', row.exception),
    policy,
    mode,
    verdict,
    decision,
    namespace,
    kind,
    name,
    user: row.user,
    operation: row.operation,
    ...given('snapshot', row.snapshot),
    replica: row.replica,
    latencyMilliseconds: row.latency,
  };
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** @param milliseconds since the epoch */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
