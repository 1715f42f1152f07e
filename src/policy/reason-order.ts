import type { Violation, ViolationCode } from './verdict.ts';

/** From the reason that is nearest to success (and so the most useful to read) to the farthest. */
const TELLING_ORDER: readonly ViolationCode[] = [
  'ATT_CONDITION',
  'ATT_STALE',
  'THRESHOLD',
  'SIGNER_DISABLED',
  'SIGNER_EXPIRED',
  'TIME_UNTRUSTED',
  'TLOG_MISSING',
  'TLOG_INVALID',
  'TLOG_MISMATCH',
  'IDENTITY_MISMATCH',
  'DIGEST_MISMATCH',
  'CERT_INVALID',
  'SIG_INVALID',
  'LIMIT',
  'UNSUPPORTED',
  'MALFORMED',
  'SIGNATURE_MISSING',
];

function distance({ code }: Violation): number {
  const index = TELLING_ORDER.indexOf(code);
  return index === -1 ? TELLING_ORDER.length : index;
}

/** Of the reasons for one piece of evidence only the best is told. */
export function keepBest(reasons: Map<string, Violation>, source: string, violation: Violation): void {
  const known = reasons.get(source);
  if (known === undefined || distance(violation) < distance(known)) reasons.set(source, violation);
}

/** The reason that is nearest to success first. */
export function mostTelling(violations: readonly Violation[]): readonly Violation[] {
  return [...violations].sort((a, b) => distance(a) - distance(b));
}
