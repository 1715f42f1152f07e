import type { AttestationDemand, PolicyRules } from '../api/resources.ts';
import { ageViolation } from '../slsa/age.ts';
import { describeUnread, isUnattested, refusedAttestations } from './found-attestations.ts';
import type { FoundFacts, VerifiedFact } from './image-facts.ts';
import { countedTimes, termsOf } from './proof-rule.ts';
import type { ExpandedEntries, SignerEntry } from './signer-entry.ts';
import { grouped, keepBest, mostTelling } from './reason-order.ts';
import { describeEntries, verifiedIn } from './signature-rule.ts';
import { matchSigner } from './signer-match.ts';
import type { FaultReason, MatchedSigner, Outcome, Violation } from './verdict.ts';

/** One of a policy's `attestations`, with its signers' references followed. */
export interface CompiledAttestation {
  readonly demand: AttestationDemand;
  readonly entries: ExpandedEntries;
}

export interface AttestationQuestion {
  readonly policyName: string;
  readonly rules: PolicyRules;
  readonly digest: string;
  readonly found: FoundFacts;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * One of a policy's `attestations`: a statement of this type about this digest, by one of its signers, young enough, that says
 * what is asked. Any one that fulfils all of it suffices, whatever stands beside it.
 * @param entries as they stand at `question.now`, and at least one of them
 */
export function evaluateAttestation(
  demand: AttestationDemand,
  entries: ExpandedEntries,
  question: AttestationQuestion,
): Outcome {
  const { found, policyName } = question;
  const reasons = new Map<string, Violation>();
  for (const entry of entries.usable) {
    for (const fact of statementsOf(demand, entry, question)) {
      const judged = judge(demand, entry, fact, question);
      if (!('code' in judged)) return { kind: 'verified', signers: [judged], warnings: [] };
      keepBest(reasons, fact.source, judged);
    }
  }
  const [fault, ...faults] = [...found.faults, ...missingAnswers(entries, found)];
  if (fault !== undefined) return { kind: 'faulted', faults: [fault, ...faults] };
  const { predicateType } = demand;
  const missing: Violation = {
    code: 'ATT_MISSING',
    detail: `no attestation of type ${predicateType} was found for it`,
  };
  const contexts = entries.usable.flatMap((entry) => entry.contexts);
  const { bounds, unread, others } = refusedAttestations(contexts, found, [predicateType]);
  const counted = mostTelling([...reasons.values()]);
  // What was found comes before what is missing: an attestation that cannot be read may be the one.
  const near = [...bounds, ...counted, ...mostTelling(unread)];
  const [first = missing, ...rest] = grouped([
    ...near,
    ...(counted.length === 0 ? [missing] : []),
    ...others,
  ]);
  const expected = describeDemand(demand, entries);
  const told = (violation: Violation): Violation => ({ ...ofDemand(demand, violation), expected });
  const headline = headlineOf(first, predicateType, policyName);
  return { kind: 'violated', violations: [told({ ...first, headline }), ...rest.map(told)] };
}

function headlineOf(first: Violation, predicateType: string, policyName: string): string {
  const none = `has no attestation of type ${predicateType}`;
  if (first.code === 'ATT_MISSING') return `${none}; policy "${policyName}" requires one`;
  const why = first.unverified === 'unread' ? describeUnread(first) : first.detail;
  return `${none} that policy "${policyName}" takes: ${why}`;
}

/** Keys and roots that cannot be had now, where one of them could still make a statement count. */
function missingAnswers({ unavailable }: ExpandedEntries, found: FoundFacts): readonly FaultReason[] {
  if (isUnattested(found)) return [];
  return unavailable.map(({ label, fault: { code, detail } }) => ({ code, detail: `${label}: ${detail}` }));
}

/** What would be accepted, for people. */
function describeDemand(
  { predicateType, conditions, maxAge }: AttestationDemand,
  entries: ExpandedEntries,
): string {
  return [
    `an attestation of type ${predicateType} by ${describeEntries(entries)}`,
    ...conditions.map(({ message }) => message),
    ...(maxAge === undefined ? [] : [`not older than ${Math.ceil(maxAge / HOUR)} h`]),
  ].join('; ');
}

const HOUR = 3_600_000;

/** Verified statements of the type asked for, as they were verified in the entry's contexts. */
function statementsOf(
  { predicateType }: AttestationDemand,
  { contexts }: SignerEntry,
  { found }: AttestationQuestion,
): readonly VerifiedFact[] {
  return contexts
    .flatMap((context) => verifiedIn(context, found))
    .filter(({ content }) => content.kind === 'attestation' && content.predicateType === predicateType);
}

function judge(
  demand: AttestationDemand,
  entry: SignerEntry,
  fact: VerifiedFact,
  { rules, digest, now }: AttestationQuestion,
): MatchedSigner | Violation {
  const { source } = fact;
  const refuse = (code: Violation['code'], detail: string): Violation => ({
    code,
    source,
    detail: `${source}: ${detail}`,
  });
  if (!fact.digests.includes(digest)) {
    return refuse('DIGEST_MISMATCH', `it is about another image (${fact.digests[0] ?? 'none'})`);
  }
  const match = matchSigner(entry, fact, rules, now);
  if (!match.counts) return refuse(match.violation.code, match.violation.detail);
  const times = countedTimes(termsOf(entry.contexts[0].context, rules), fact);
  const age = ageViolation(demand.maxAge, times, now);
  if (age !== undefined) return refuse(age.code, age.detail);
  for (const { source: text, message } of demand.conditions) {
    const result = fact.conditions?.get(text);
    if (result?.holds === true) continue;
    return refuse('ATT_CONDITION', `${message} (${result?.why ?? 'the condition was not evaluated'})`);
  }
  return match.signer;
}

/** A violation with the place of its demand. */
export function ofDemand({ field, predicateType }: AttestationDemand, violation: Violation): Violation {
  const place = field.replace(/^spec\./, '');
  return { ...violation, about: 'attestation', detail: `${place} (${predicateType}): ${violation.detail}` };
}
