import type { FoundFacts } from './image-facts.ts';
import { keepBest, refusal } from './reason-order.ts';
import { isAttestation, isRefused } from './signature-rule.ts';
import type { BoundContext } from './trust-binding.ts';
import type { Violation } from './verdict.ts';

/** What was found and refused, for the words of a denial only: what it is, is what it says itself. */
export interface RefusedAttestations {
  /** There is more than was looked at. */
  readonly bounds: readonly Violation[];
  /** What cannot be read, and may be what is asked for. */
  readonly unread: readonly Violation[];
  /** The others, each with its best reason. */
  readonly others: readonly Violation[];
}

/**
 * Evidence that verified in none of the contexts, or could not be used at all, and does not say that it is a signature.
 * @param predicateTypes that are asked for
 */
export function refusedAttestations(
  contexts: readonly BoundContext[],
  { byContext, refused }: FoundFacts,
  predicateTypes: readonly string[],
): RefusedAttestations {
  const facts = [...refused, ...contexts.flatMap(({ id }) => byContext.get(id) ?? [])];
  const verified = new Set(facts.flatMap((fact) => (isRefused(fact) ? [] : [fact.source])));
  const bounds: Violation[] = [];
  const unread = new Map<string, Violation>();
  const others = new Map<string, Violation>();
  for (const fact of facts) {
    if (!isRefused(fact) || fact.claims === 'signature') continue;
    const violation = refusal(fact);
    const { source, claims, claimedType } = fact;
    // It was read, and is not said to be an attestation.
    if (claims === undefined && violation.unverified === undefined && !refused.includes(fact)) continue;
    const isAsked = claimedType === undefined || predicateTypes.includes(claimedType);
    if (violation.unverified === 'bound') bounds.push(violation);
    else if (verified.has(source)) continue;
    else keepBest(violation.unverified === 'unread' && isAsked ? unread : others, source, violation);
  }
  // With another key it could be read: what that one said is nearer to success.
  for (const source of others.keys()) unread.delete(source);
  return { bounds, unread: [...unread.values()], others: [...others.values()] };
}

/** The end of a headline, for evidence that may be what is asked for. */
export function describeUnread({ code }: Violation): string {
  if (code === 'LIMIT') return 'one that was found is above a limit and was not read';
  return `one that was found ${code === 'UNSUPPORTED' ? 'is of a form that is not supported' : 'cannot be read'}`;
}

/** All of it was looked at, and none of it is an attestation that a key or a root could make count. */
export function isUnattested({ byContext, refused }: FoundFacts): boolean {
  if (byContext.size === 0 || refused.some(({ isBound }) => isBound === true)) return false;
  return [...byContext.values()].every((facts) => facts.every((fact) => !isAttestation(fact)));
}
