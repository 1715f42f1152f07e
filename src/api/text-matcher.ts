import type { RE2JS } from 're2js';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { PatternCache } from './pattern-cache.ts';
import { patternCost } from './pattern-cost.ts';

/** One text of an identity, issuer or subject, as a policy expects it. */
export interface TextMatcher {
  readonly kind: 'exact' | 'pattern';
  /** As the policy writes it. */
  readonly source: string;
  /** Whether the whole text is the one expected, byte for byte, or matches from its first to its last character. */
  matches(text: string): boolean;
}

/** A thousand ordinary patterns, or 32 of the costliest; one that was dropped is compiled again in a millisecond. */
const compiled = new PatternCache(65_536);

/** Equality. The text never reaches a regular expression: its dots are dots (attack C1). */
export function exactText(source: string): TextMatcher {
  return { kind: 'exact', source, matches: (text) => text === source };
}

/**
 * RE2 (https://github.com/google/re2/wiki/Syntax): no backtracking, so no lookaround and no backreferences, and the time
 * is bounded by the pattern's and the text's lengths. It always has to match the whole text: `^` and `$` are not needed,
 * `(?m)` does not move them, and `a|b` is "a" or "b".
 * @throws Refusal MALFORMED for what RE2 does not take, LIMIT for a pattern that is too long or too costly
 */
export function textPattern(source: string): TextMatcher {
  if (source.length > LIMITS.patternChars) {
    throw new Refusal('LIMIT', `a pattern has at most ${LIMITS.patternChars} characters`);
  }
  // Before compiling: `(a{500}b{500}…){1000}` would take seconds to compile only to be refused. The estimate may be too high.
  if (patternCost(source) > 4 * LIMITS.patternInstructions) refuseCostly();
  if (compile(source).programSize() > LIMITS.patternInstructions) refuseCostly();
  return {
    kind: 'pattern',
    source,
    matches: (text) => text.length <= LIMITS.patternTextChars && compiled.get(source).testExact(text),
  };
}

function compile(source: string): RE2JS {
  try {
    return compiled.get(source);
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    throw new Refusal('MALFORMED', `not a regular expression that RE2 takes: ${reason}`, { cause: error });
  }
}

function refuseCostly(): never {
  throw new Refusal(
    'LIMIT',
    `the pattern is too costly: written out without repeat counts it has more than ${LIMITS.patternInstructions} parts`,
  );
}

/** Hosts under `.invalid` exist nowhere (RFC 2606): a pattern that matches one of these takes anyone. */
const ANYONE: Readonly<Record<'issuer' | 'subject', readonly string[]>> = {
  issuer: ['', 'zq7', 'https://zq7.invalid', 'https://zq7.invalid/', 'https://zq7.invalid/zq7/zq7'],
  subject: [
    '',
    'zq7',
    'zq7@zq7.invalid',
    'zq7.zq7@zq7.zq7.invalid',
    'https://zq7.invalid/zq7',
    'https://zq7.invalid/zq7/zq7/.github/workflows/zq7.yml@refs/heads/zq7',
    'spiffe://zq7.invalid/zq7',
  ],
};

/** Whether a pattern lets in identities that nobody can have meant, as `.*` does (attack C3). */
export function matchesAnyone(matcher: TextMatcher, part: 'issuer' | 'subject'): boolean {
  return ANYONE[part].some((text) => matcher.matches(text));
}
