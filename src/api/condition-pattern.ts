import type { RE2JS } from 're2js';
import { PatternCache } from './pattern-cache.ts';
import { textPattern } from './text-matcher.ts';

/** As many as identities have, in `text-matcher.ts`. */
const compiled = new PatternCache(65_536);

/**
 * The pattern of `matches`: RE2, found anywhere in the text unless `^` and `$` say otherwise, as CEL has it; within the
 * bounds of any pattern.
 * @throws Refusal MALFORMED for what RE2 does not take, LIMIT for a pattern that is too long or too costly
 */
export function checkConditionPattern(source: string): void {
  textPattern(source);
}

/** @param source a pattern that was checked */
export function conditionPattern(source: string): RE2JS {
  return compiled.get(source);
}
