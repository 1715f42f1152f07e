import type { ConditionResult } from '../api/condition.ts';
import { LIMITS } from '../limits.ts';
import type { VerifiedFact } from '../policy/image-facts.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import { statementPayload } from '../sigstore/read-evidence.ts';
import { STATEMENT_BOUNDS } from '../sigstore/statement.ts';
import { readSlsaStatement, type SlsaStatement } from '../slsa/slsa-statement.ts';
import { parseStrictJson, type JsonValue } from '../strict-json.ts';
import type { StatementQuestion } from './statement-questions.ts';

/** What a verified statement says, as far as it was asked. Plain data: another thread may have read it. */
export interface StatementAnswer {
  /** Where it was asked for. */
  readonly slsa?: {
    /** Undefined where the statement is about something else. */
    readonly statement: SlsaStatement | undefined;
    /** What it takes in memory. */
    readonly bytes: number;
  };
  /** By the source of the condition. */
  readonly results: ReadonlyMap<string, ConditionResult>;
}

/** What is remembered of a small or unreadable statement. */
const LEAST_BYTES = 1024;

/** Reads a verified statement: some milliseconds of CPU for a small one, seconds for one of 32 MB. */
export function readAnswer(evidence: Evidence, { slsa, conditions }: StatementQuestion): StatementAnswer {
  const payload = statementPayload(evidence);
  const results = new Map<string, ConditionResult>();
  // It was parsed when it was verified, and is too large to keep in that form.
  let parsed: JsonValue | undefined;
  for (const { source, evaluate } of conditions) {
    // Several policies may ask the same.
    if (results.has(source)) continue;
    parsed ??= parseStrictJson(payload ?? new Uint8Array(), 'the in-toto statement', STATEMENT_BOUNDS);
    results.set(source, evaluate(parsed));
  }
  if (!slsa) return { results };
  const statement = payload === undefined ? undefined : readSlsaStatement(payload);
  return { slsa: { statement, bytes: bytesOf(statement, payload) }, results };
}

/** The fact with what was asked of its statement. */
export function answered(
  fact: VerifiedFact,
  { slsa, conditions }: StatementQuestion,
  answer: StatementAnswer,
): VerifiedFact {
  const statement = slsa ? answer.slsa?.statement : undefined;
  if (statement === undefined && conditions.length === 0) return fact;
  const results = conditions.flatMap(({ source }) => {
    const result = answer.results.get(source);
    return result === undefined ? [] : [[source, result] as const];
  });
  return {
    ...fact,
    ...(statement !== undefined && { slsa: statement }),
    ...(conditions.length > 0 && { conditions: new Map(results) }),
  };
}

/** Provenance keeps its dependencies; its other fields are bounded. A large statement may hold more than is kept of it. */
function bytesOf(statement: SlsaStatement | undefined, payload: Uint8Array | undefined): number {
  if (statement?.kind !== 'provenance' || payload === undefined) return LEAST_BYTES;
  const isLarge = payload.length > LIMITS.evidenceHereBytes;
  return Math.max(LEAST_BYTES, isLarge ? JSON.stringify(statement).length : payload.length);
}
