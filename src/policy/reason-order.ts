import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
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

/** Codes of what the registry holds and cannot be read. */
const UNREADABLE: ReadonlySet<ViolationCode> = new Set<ViolationCode>(['LIMIT', 'MALFORMED', 'UNSUPPORTED']);

/** What is refused, in words: what was not verified is said to be so. */
export function refusal({ source, code, detail, isBound, isUnread }: RefusedEvidence): Violation {
  if (isBound === true) return { code, detail: `${source}: ${detail}`, unverified: 'bound' };
  if (isUnread !== true && !UNREADABLE.has(code)) return { code, source, detail: `${source}: ${detail}` };
  return { code, source, detail: `not verified: ${source}: ${detail}`, unverified: 'unread' };
}

/** What evidence has in common is said once, however many pieces there are: whoever may push can add hundreds. */
export function grouped(violations: readonly Violation[]): readonly Violation[] {
  const groups = Map.groupBy(violations, ({ code, detail, source }) =>
    JSON.stringify([code, source === undefined ? detail : detail.replaceAll(source, () => '')]),
  );
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first?.source === undefined || others.length === 0) return first ?? [];
    const { source, detail } = first;
    return {
      ...first,
      detail: detail.includes(source)
        ? detail.replace(source, () => `${source} and ${others.length} more`)
        : `${others.length + 1} pieces of evidence: ${detail}`,
    };
  });
}

/** There are more signatures than were looked at: the one that is asked for may be among them, and no reason of another is nearer. */
export function signatureBounds(refused: readonly RefusedEvidence[]): readonly Violation[] {
  return refused
    .filter(({ isBound, claims }) => isBound === true && claims !== 'attestation')
    .map(refusal)
    .map((each) => ({ ...each, headline: `has no signature that counts: ${each.detail}` }));
}
