import type { RefusalCode } from '../errors.ts';
import type { BuildFacts } from './build-facts.ts';
import type { SlsaLevel, SlsaViolationCode } from './slsa-policy.ts';

/** One coded reason why a policy's `slsa` is not met. */
export interface SlsaViolation {
  readonly code: SlsaViolationCode | RefusalCode;
  /** What was found and what was expected; escaped and bounded by whoever shows it. */
  readonly detail: string;
  /** What the owners of the policy would write, where a field would mend it. */
  readonly entry?: string;
}

/** A level that was not reached. */
export interface LevelShortfall {
  readonly level: SlsaLevel;
  readonly found: string;
  readonly expected: string;
}

/** What one statement is worth under one policy. */
export interface SlsaAssessment {
  /** Where the statement was found, for people. */
  readonly evidence: string;
  readonly kind: 'provenance' | 'summary' | 'none';
  /** 0 = nothing counts as provenance of this image. */
  readonly level: 0 | SlsaLevel;
  /** Undefined for a summary, which names its verifier instead. */
  readonly builder: string | undefined;
  readonly verifier: string | undefined;
  readonly buildType: string | undefined;
  readonly facts: BuildFacts;
  /** Earliest trusted time of its signature, milliseconds since the epoch. */
  readonly signedAt: number | undefined;
  /** Every level above its own. */
  readonly shortfalls: readonly LevelShortfall[];
  readonly violations: readonly SlsaViolation[];
}

/** Met by one statement; or by none, and then the nearest one's reasons come first. */
export type SlsaOutcome =
  | { readonly kind: 'verified'; readonly best: SlsaAssessment }
  | {
      readonly kind: 'violated';
      readonly requiredLevel: SlsaLevel;
      readonly nearest: SlsaAssessment;
      readonly violations: readonly [SlsaViolation, ...SlsaViolation[]];
    };

export const NO_FACTS: BuildFacts = {
  source: undefined,
  repositoryID: undefined,
  ownerID: undefined,
  ref: undefined,
  commit: undefined,
  trigger: undefined,
  runnerEnvironment: undefined,
};

/**
 * The end of a sentence that starts with the image: `SLSA build level 1; policy "mcp-servers" requires 3: builder … is not
 * among …`. Where the level would do, it says what else is missing.
 */
export function describeShortfall(
  outcome: Extract<SlsaOutcome, { kind: 'violated' }>,
  policyName: string,
): string {
  const { nearest, requiredLevel, violations } = outcome;
  const level = `SLSA build level ${nearest.level}`;
  const [{ detail }] = violations;
  // What would have to be there stands in a line of its own.
  const short =
    nearest.kind === 'none' ? undefined : nearest.shortfalls.find((each) => each.level === requiredLevel);
  const found = short?.found ?? detail;
  return nearest.level < requiredLevel
    ? `${level}; policy "${policyName}" requires ${requiredLevel}: ${found}`
    : `${level}, which is enough for policy "${policyName}", but not what it asks for: ${detail}`;
}

/** Every level above the one that was reached, for the same reason. */
export function shortfallsAbove(level: number, found: string, expected: string): readonly LevelShortfall[] {
  const levels: readonly SlsaLevel[] = [1, 2, 3];
  return levels.filter((higher) => higher > level).map((higher) => ({ level: higher, found, expected }));
}
