import { child, list, requiredChild, requiredText, text, time, type Fields } from './json-fields.ts';

/** What a verification summary (VSA) says: somebody verified this artifact, and found these levels. */
export interface VerificationSummary {
  readonly kind: 'summary';
  readonly verifier: string;
  /** What was verified: a registry's name for the image, or a package URL. */
  readonly resourceUri: string;
  /** Milliseconds since the epoch; v1 allows it to be absent. */
  readonly verifiedAt: number | undefined;
  readonly policyUri: string | undefined;
  readonly passed: boolean;
  /** As written, when it is not `PASSED`: for people. */
  readonly result: string;
  /** Levels of the build track that it names, ascending; other tracks and other words are none of them. */
  readonly buildLevels: readonly number[];
}

/** Levels of all tracks and organisations in one summary. */
const MAX_LEVELS = 64;

/** Exactly these: not `SLSA_BUILD_LEVEL_10`, not `3` (attack B14). */
const BUILD_LEVELS: ReadonlyMap<string, number> = new Map(
  [0, 1, 2, 3].map((level) => [`SLSA_BUILD_LEVEL_${level}`, level]),
);
/** The levels of SLSA v0.1 asked for no less of the build (https://slsa.dev/spec/v1.0/whats-new); its 4 is our 3. */
const V01_LEVELS: ReadonlyMap<string, number> = new Map(
  [0, 1, 2, 3, 3].map((level, i) => [`SLSA_LEVEL_${i}`, level]),
);

/** https://slsa.dev/spec/v1.2/verification_summary. @throws Refusal MALFORMED or LIMIT, with the path of the field */
export function readSummaryV1(predicate: Fields): VerificationSummary {
  const levels = list(predicate, 'verifiedLevels', MAX_LEVELS);
  return {
    ...readCommon(predicate, 'resourceUri', 'timeVerified', 'verificationResult'),
    buildLevels: levelsAmong(levels, BUILD_LEVELS),
  };
}

/** https://slsa.dev/verification_summary/v0.2. @throws Refusal MALFORMED or LIMIT, with the path of the field */
export function readSummaryV02(predicate: Fields): VerificationSummary {
  return {
    ...readCommon(predicate, 'resource_uri', 'time_verified', 'verification_result'),
    buildLevels: levelsAmong([text(predicate, 'policy_level')], V01_LEVELS),
  };
}

function readCommon(predicate: Fields, resource: string, verified: string, outcome: string) {
  const verifier = requiredText(requiredChild(predicate, 'verifier'), 'id');
  const result = requiredText(predicate, outcome);
  return {
    kind: 'summary',
    verifier,
    resourceUri: requiredText(predicate, resource),
    verifiedAt: time(predicate, verified),
    policyUri: text(child(predicate, 'policy'), 'uri'),
    passed: result === 'PASSED',
    result,
  } as const;
}

function levelsAmong(words: readonly unknown[], known: ReadonlyMap<string, number>): readonly number[] {
  return words
    .flatMap((word) => (typeof word === 'string' ? (known.get(word) ?? []) : []))
    .sort((a, b) => a - b);
}
