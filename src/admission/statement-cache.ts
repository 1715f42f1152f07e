import { LRUCache } from 'lru-cache';
import type { Condition, ConditionResult } from '../api/condition.ts';
import { LIMITS } from '../limits.ts';
import { isSlsaPredicate, readSlsaStatement, type SlsaStatement } from '../slsa/slsa-statement.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import { contentHash, statementPayload } from '../sigstore/read-evidence.ts';
import type { VerifiedFact } from '../policy/image-facts.ts';
import { parseStrictJson } from '../strict-json.ts';

/** What the policies of a review want to know of statements. */
export interface StatementQuestions {
  readonly slsa: boolean;
  /** By predicate type. */
  readonly conditions: ReadonlyMap<string, readonly Condition[]>;
}

/** A provenance as it is remembered has some KB; a result has less. */
const MAX_STATEMENTS = 5_000;
const MAX_RESULTS = 20_000;

/**
 * What verified statements say: read once for each content, and each condition held against each content once. Both are
 * facts (design §3): they depend on bytes and on the text of a condition, never on a policy as a whole nor on now, so a condition
 * that changes is evaluated anew (attack B18).
 */
export class StatementCache {
  readonly #statements = new LRUCache<string, { readonly slsa: SlsaStatement | undefined }>({
    max: MAX_STATEMENTS,
  });
  readonly #results = new LRUCache<string, ConditionResult>({ max: MAX_RESULTS });

  /** The fact with everything that the questions ask of its statement. Parsing a large statement takes a while. */
  answer(fact: VerifiedFact, evidence: Evidence, questions: StatementQuestions): VerifiedFact {
    const { content } = fact;
    if (content.kind !== 'attestation') return fact;
    const slsa =
      questions.slsa && isSlsaPredicate(content.predicateType) ? this.#slsaOf(evidence) : undefined;
    const wanted = questions.conditions.get(content.predicateType) ?? [];
    if (slsa === undefined && wanted.length === 0) return fact;
    return {
      ...fact,
      ...(slsa !== undefined && { slsa }),
      conditions: this.#resultsOf(evidence, wanted),
    };
  }

  #slsaOf(evidence: Evidence): SlsaStatement | undefined {
    const key = contentHash(evidence);
    const known = this.#statements.get(key);
    if (known !== undefined) return known.slsa;
    const payload = statementPayload(evidence);
    const slsa = payload === undefined ? undefined : readSlsaStatement(payload);
    this.#statements.set(key, { slsa });
    return slsa;
  }

  #resultsOf(evidence: Evidence, conditions: readonly Condition[]): ReadonlyMap<string, ConditionResult> {
    const hash = contentHash(evidence);
    const results = new Map<string, ConditionResult>();
    let statement: ReturnType<typeof parseStrictJson> | undefined;
    for (const { source, evaluate } of conditions) {
      const key = `${hash} ${source}`;
      let result = this.#results.get(key);
      if (result === undefined) {
        statement ??= parsed(evidence);
        result = evaluate(statement);
        this.#results.set(key, result);
      }
      results.set(source, result);
    }
    return results;
  }
}

/** It was parsed when it was verified, and is too large to keep in that form. */
function parsed(evidence: Evidence): ReturnType<typeof parseStrictJson> {
  const payload = statementPayload(evidence) ?? new Uint8Array();
  return parseStrictJson(payload, 'the in-toto statement', { tokens: LIMITS.statementTokens });
}
