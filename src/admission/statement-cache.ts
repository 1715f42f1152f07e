import { LRUCache } from 'lru-cache';
import type { ConditionResult } from '../api/condition.ts';
import { atMost } from '../limits.ts';
import type { Evidence, FoundEvidence } from '../sigstore/evidence.ts';
import { contentHash } from '../sigstore/read-evidence.ts';
import type { VerifiedFact } from '../policy/image-facts.ts';
import { answered, readAnswer, type StatementAnswer } from './statement-answer.ts';
import type { StatementQuestion } from './statement-questions.ts';

/**
 * Bytes of statements that are remembered as they were read, in all: a provenance has some KB, and may have 4,096 dependencies.
 * Anybody who has a certificate can sign one.
 */
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024;
/** A result has about 1 KB, most of it the text of its condition. */
const MAX_RESULTS = 20_000;

/** What is remembered of a statement, and what has to be read for the rest. */
export interface KnownAnswer {
  readonly answer: StatementAnswer;
  /** Undefined when everything is known. */
  readonly missing: StatementQuestion | undefined;
}

/**
 * What verified statements say: read once for each content, and each condition held against each content once. Both are
 * facts (design §3): they depend on bytes and on the text of a condition, never on a policy as a whole nor on now, so a condition
 * that changes is evaluated anew (attack B18).
 */
export class StatementCache {
  readonly #statements: LRUCache<string, NonNullable<StatementAnswer['slsa']>>;
  readonly #results: LRUCache<string, ConditionResult>;

  constructor({ statementBytes = MAX_STATEMENT_BYTES, results = MAX_RESULTS } = {}) {
    this.#statements = new LRUCache({ maxSize: statementBytes, sizeCalculation: ({ bytes }) => bytes });
    this.#results = new LRUCache(atMost(results));
  }

  /** The fact with everything that is asked of its statement. Parsing a statement takes a while. */
  answer(fact: VerifiedFact, evidence: Evidence, question: StatementQuestion): VerifiedFact {
    const { answer, missing } = this.known(evidence, question);
    if (missing === undefined) return answered(fact, question, answer);
    return answered(fact, question, this.learned(evidence, answer, readAnswer(evidence, missing)));
  }

  known(evidence: FoundEvidence, { slsa: asksSlsa, conditions }: StatementQuestion): KnownAnswer {
    if (!asksSlsa && conditions.length === 0) return { answer: NO_ANSWER, missing: undefined };
    const hash = contentHash(evidence);
    const slsa = asksSlsa ? this.#statements.get(hash) : undefined;
    const results = new Map<string, ConditionResult>();
    for (const { source } of conditions) {
      const result = this.#results.get(`${hash} ${source}`);
      if (result !== undefined) results.set(source, result);
    }
    const missing = {
      slsa: asksSlsa && slsa === undefined,
      conditions: conditions.filter(({ source }) => !results.has(source)),
    };
    const isWhole = !missing.slsa && missing.conditions.length === 0;
    return {
      answer: { results, ...(slsa !== undefined && { slsa }) },
      missing: isWhole ? undefined : missing,
    };
  }

  /** Remembers what was read for what was missing. @returns the whole answer */
  learned(evidence: FoundEvidence, before: StatementAnswer, read: StatementAnswer): StatementAnswer {
    const hash = contentHash(evidence);
    if (read.slsa !== undefined) this.#statements.set(hash, read.slsa);
    for (const [source, result] of read.results) this.#results.set(`${hash} ${source}`, result);
    return { ...before, ...read, results: new Map([...before.results, ...read.results]) };
  }
}

const NO_ANSWER: StatementAnswer = { results: new Map() };
