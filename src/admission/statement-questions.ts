import type { Condition } from '../api/condition.ts';
import type { VerifiedFact } from '../policy/image-facts.ts';
import { isSignedBy } from '../policy/signer-match.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import { LIMITS } from '../limits.ts';
import { isSlsaPredicate, SLSA_PREDICATES } from '../slsa/slsa-statement.ts';
import type { EvidenceAsk } from './ports.ts';

/** What somebody wants to know of one statement. */
export interface StatementQuestion {
  /** Whether it is provenance or a verification summary, and then what it says. */
  readonly slsa: boolean;
  /** Which of these it fulfils. */
  readonly conditions: readonly Condition[];
}

/** What the policies of a review want to know of statements about one digest. */
export type AskStatement = (fact: VerifiedFact, contextId: string) => StatementQuestion;

/** Whether one of the policies asks for statements at all. */
export function asksStatements(policies: readonly CompiledPolicy[]): boolean {
  return policies.some(({ slsa, attestations }) => slsa !== undefined || attestations.length > 0);
}

/** What the policies ask for: evidence of it is read first. */
export function askOf(policies: readonly CompiledPolicy[]): EvidenceAsk {
  const types = policies.flatMap(({ slsa, attestations }) => [
    ...(slsa === undefined ? [] : SLSA_PREDICATES),
    ...attestations.map(({ demand }) => demand.predicateType),
  ]);
  return {
    signatures: policies.some(({ policy: { rules } }) => rules?.requireSignature === true),
    predicateTypes: [...new Set(types)].sort().slice(0, LIMITS.askedPredicateTypes),
  };
}

/**
 * Conditions are held only against what one of the policy's own signers says of this very digest: anybody who may push can add
 * statements, and evaluating costs more than verifying (attack F17).
 */
export function statementQuestions(policies: readonly CompiledPolicy[], digest: string): AskStatement {
  const asksProvenance = policies.some(({ slsa }) => slsa !== undefined);
  const demanding = policies
    .flatMap(({ attestations }) => attestations)
    .filter(({ demand }) => demand.conditions.length > 0);
  return (fact, contextId) => {
    const { content, digests } = fact;
    if (content.kind !== 'attestation') return NOTHING;
    const { predicateType } = content;
    const asking = digests.includes(digest)
      ? demanding.filter(
          ({ demand, entries }) =>
            demand.predicateType === predicateType &&
            entries.usable.some(
              (entry) => entry.contexts.some(({ id }) => id === contextId) && isSignedBy(entry, fact),
            ),
        )
      : [];
    return {
      slsa: asksProvenance && isSlsaPredicate(predicateType),
      conditions: asking.flatMap(({ demand }) => demand.conditions),
    };
  };
}

const NOTHING: StatementQuestion = { slsa: false, conditions: [] };
