import { Refusal } from '../errors.ts';
import type { JsonValue } from '../strict-json.ts';

/** What a verified statement must say: CEL over it, compiled when the policy is read. */
export interface Condition {
  /** The expression, as the policy writes it. */
  readonly source: string;
  /** What is expected, in the words of the policy's author. */
  readonly message: string;
  /** @param statement parsed and bounded JSON of an in-toto statement */
  readonly evaluate: (statement: JsonValue) => ConditionResult;
}

/** Whether the expression is true; whatever else it gives is a "no", never an error that passes. */
export type ConditionResult = { readonly holds: true } | { readonly holds: false; readonly why: string };

/** @throws Refusal MALFORMED */
export function parseCondition(source: string, message: string): Condition {
  throw new Refusal('MALFORMED', `${source} ${message}`);
}
