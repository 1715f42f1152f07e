import { LRUCache } from 'lru-cache';
import type { Condition, ConditionResult } from '../api/condition.ts';
import { atMost, LIMITS } from '../limits.ts';
import { readSlsaStatement, type SlsaStatement } from '../slsa/slsa-statement.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import { contentHash, statementPayload } from '../sigstore/read-evidence.ts';
import type { VerifiedFact } from '../policy/image-facts.ts';
import { parseStrictJson } from '../strict-json.ts';
import type { StatementQuestion } from './statement-questions.ts';

/**
 * Bytes of statements that are remembered as they were read, in all: a provenance has some KB, and may have 5 MB, of which its
 * dependencies are kept. Anybody who has a certificate can sign one.
 */
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024;
/** What is remembered of a small or unreadable one. */
const LEAST_STATEMENT_BYTES = 1024;
/** A result has about 1 KB, most of it the text of its condition. */
const MAX_RESULTS = 20_000;

interface RememberedStatement {
  readonly slsa: SlsaStatement | undefined;
  readonly bytes: number;
}

/**
 * What verified statements say: read once for each content, and each condition held against each content once. Both are
 * facts (design §3): they depend on bytes and on the text of a condition, never on a policy as a whole nor on now, so a condition
 * that changes is evaluated anew (attack B18).
 */
export class StatementCache {
  readonly #statements: LRUCache<string, RememberedStatement>;
  readonly #results: LRUCache<string, ConditionResult>;

  constructor({ statementBytes = MAX_STATEMENT_BYTES, results = MAX_RESULTS } = {}) {
    this.#statements = new LRUCache({ maxSize: statementBytes, sizeCalculation: ({ bytes }) => bytes });
    this.#results = new LRUCache(atMost(results));
  }

  /** The fact with everything that is asked of its statement. Parsing a large statement takes a while. */
  answer(fact: VerifiedFact, evidence: Evidence, question: StatementQuestion): VerifiedFact {
    const slsa = question.slsa ? this.#slsaOf(evidence) : undefined;
    const { conditions } = question;
    if (slsa === undefined && conditions.length === 0) return fact;
    return {
      ...fact,
      ...(slsa !== undefined && { slsa }),
      ...(conditions.length > 0 && { conditions: this.#resultsOf(evidence, conditions) }),
    };
  }

  #slsaOf(evidence: Evidence): SlsaStatement | undefined {
    const key = contentHash(evidence);
    const known = this.#statements.get(key);
    if (known !== undefined) return known.slsa;
    const payload = statementPayload(evidence);
    const slsa = payload === undefined ? undefined : readSlsaStatement(payload);
    const bytes = slsa?.kind === 'provenance' ? (payload?.length ?? 0) : 0;
    this.#statements.set(key, { slsa, bytes: Math.max(bytes, LEAST_STATEMENT_BYTES) });
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
