import type { PolicyRules } from '../api/resources.ts';
import type { SlsaCandidate } from '../slsa/slsa-candidate.ts';
import { isStale, type CompiledSlsa } from './compiled-slsa.ts';
import type { FoundFacts, VerifiedFact } from './image-facts.ts';
import { countedTimes, proofViolation, termsOf } from './proof-rule.ts';
import { keepBest } from './reason-order.ts';
import { entriesAt, type SignerEntry } from './signer-entry.ts';
import { verifiedIn } from './signature-rule.ts';
import { matchSigner } from './signer-match.ts';
import type { BoundContext } from './trust-binding.ts';
import type { Violation } from './verdict.ts';

export interface Candidates {
  readonly candidates: readonly SlsaCandidate[];
  /** Statements that verified and count for nobody at all, each with the best reason. */
  readonly refused: readonly Violation[];
}

/** Every SLSA statement that verified, with whom it counts for. @param now milliseconds since the epoch */
export function candidatesOf(
  compiled: CompiledSlsa,
  rules: PolicyRules,
  found: FoundFacts,
  now: number,
): Candidates {
  const { platforms } = compiled;
  const candidates: SlsaCandidate[] = [];
  const reasons = new Map<string, Violation>();
  const hold = (
    fact: VerifiedFact,
    { context }: BoundContext,
    violation: Violation | undefined,
    by: Pick<SlsaCandidate, 'isPlatform' | 'signerRefs'>,
  ): void => {
    const { source, digests, signer, slsa: statement } = fact;
    if (statement === undefined) return;
    if (violation === undefined) {
      candidates.push({
        source,
        digests,
        statement,
        signer,
        times: countedTimes(termsOf(context, rules), fact),
        ...by,
      });
    } else {
      keepBest(reasons, source, { ...violation, source, detail: `${source}: ${violation.detail}` });
    }
  };
  const platform = platforms.kind === 'bound' ? platforms.bound : undefined;
  if (platform !== undefined && !isStale(platforms, now)) {
    for (const fact of verifiedIn(platform, found)) {
      const violation = proofViolation(termsOf(platform.context, rules), fact, now);
      hold(fact, platform, violation, { isPlatform: true, signerRefs: NOBODY });
    }
  }
  for (const [name, entry, context] of namedContexts(compiled, now)) {
    for (const fact of verifiedIn(context, found)) {
      const match = matchSigner(entry, fact, rules, now);
      const violation = match.counts ? undefined : match.violation;
      hold(fact, context, violation, {
        isPlatform: context.id === platform?.id,
        signerRefs: new Set([name]),
      });
    }
  }
  for (const { source } of candidates) reasons.delete(source);
  return { candidates, refused: [...reasons.values()] };
}

/** Every context of the TrustedSigners that the policy names. */
function namedContexts(
  { signers }: CompiledSlsa,
  now: number,
): readonly (readonly [string, SignerEntry, BoundContext])[] {
  return [...signers].flatMap(([name, expanded]) =>
    entriesAt(expanded, now).usable.flatMap((entry) =>
      entry.contexts.map((context) => [name, entry, context] as const),
    ),
  );
}

const NOBODY: ReadonlySet<string> = new Set();
