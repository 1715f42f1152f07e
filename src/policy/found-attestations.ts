import type { FoundFacts } from './image-facts.ts';
import { keepBest } from './reason-order.ts';
import { isAttestation, isRefused } from './signature-rule.ts';
import type { BoundContext } from './trust-binding.ts';
import type { Violation } from './verdict.ts';

/**
 * Attestations that verified in none of the contexts, or could not be used at all, each with the best reason: for the words of
 * a denial only, because what they are is what they say themselves.
 */
export function refusedAttestations(
  contexts: readonly BoundContext[],
  { byContext, refused }: FoundFacts,
): readonly Violation[] {
  const facts = [...refused, ...contexts.flatMap(({ id }) => byContext.get(id) ?? [])];
  const verified = new Set(facts.flatMap((fact) => (isRefused(fact) ? [] : [fact.source])));
  const reasons = new Map<string, Violation>();
  for (const fact of facts) {
    if (!isRefused(fact) || fact.claims !== 'attestation' || verified.has(fact.source)) continue;
    keepBest(reasons, fact.source, { code: fact.code, detail: `${fact.source}: ${fact.detail}` });
  }
  return [...reasons.values()];
}

/** Everything was looked at, and none of it is an attestation: then no key and no root would have made one count. */
export function isUnattested({ byContext, refused }: FoundFacts): boolean {
  if (byContext.size === 0) return false;
  return [refused, ...byContext.values()].every((facts) => facts.every((fact) => !isAttestation(fact)));
}
