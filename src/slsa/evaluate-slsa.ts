import { unreachable } from '../errors.ts';
import { assessProvenance } from './assess-provenance.ts';
import { assessSummary } from './assess-summary.ts';
import type { SlsaImage } from './resource-uri.ts';
import type { SlsaCandidate } from './slsa-candidate.ts';
import {
  NO_FACTS,
  shortfallsAbove,
  type SlsaAssessment,
  type SlsaOutcome,
  type SlsaViolation,
} from './slsa-outcome.ts';
import type { SlsaPolicy } from './slsa-policy.ts';

/**
 * One image under one policy's `slsa`. Any one statement that meets all of it suffices, whatever stands beside it and in
 * whatever order; no two statements are put together. Pure: the same facts at the same moment give the same outcome.
 * @param now milliseconds since the epoch
 */
export function evaluateSlsa(
  policy: SlsaPolicy,
  image: SlsaImage,
  candidates: readonly SlsaCandidate[],
  now: number,
): SlsaOutcome {
  const assessments = candidates
    .map((candidate) => assess(policy, image, candidate, now))
    .sort((a, b) => distance(a) - distance(b));
  const best = assessments.find(({ violations }) => violations.length === 0);
  if (best !== undefined) return { kind: 'verified', best };
  const nearest = assessments[0] ?? NOTHING;
  const { requiredLevel } = policy;
  const [first = MISSING, ...others] = distinct(assessments.flatMap(({ violations }) => violations));
  return { kind: 'violated', requiredLevel, nearest, violations: [first, ...others] };
}

function assess(policy: SlsaPolicy, image: SlsaImage, candidate: SlsaCandidate, now: number): SlsaAssessment {
  const { statement, digests } = candidate;
  if (!digests.includes(image.digest)) {
    return worthless(candidate, 'DIGEST_MISMATCH', `it is about another image (${digests[0] ?? 'none'})`);
  }
  switch (statement.kind) {
    case 'provenance':
      return assessProvenance(policy, statement, candidate, now);
    case 'summary':
      return assessSummary(policy, statement, candidate, image, now);
    case 'unreadable':
      return worthless(candidate, statement.code, statement.detail);
    default:
      return unreachable(statement);
  }
}

const MISSING: SlsaViolation = {
  code: 'ATT_MISSING',
  detail: 'no SLSA provenance was found for it, and no verification summary',
};

const NOTHING: SlsaAssessment = {
  evidence: '',
  kind: 'none',
  level: 0,
  builder: undefined,
  verifier: undefined,
  buildType: undefined,
  facts: NO_FACTS,
  signedAt: undefined,
  shortfalls: shortfallsAbove(0, 'no provenance', 'provenance that names the digest'),
  violations: [MISSING],
};

function worthless({ source }: SlsaCandidate, code: SlsaViolation['code'], detail: string): SlsaAssessment {
  const violations = [{ code, detail: `${source}: ${detail}` }];
  const shortfalls = shortfallsAbove(0, detail, 'provenance that names the digest');
  return { ...NOTHING, evidence: source, shortfalls, violations };
}

/** Reasons of the same level, from the one that is nearest to success to the farthest. */
const TELLING_ORDER: readonly SlsaViolation['code'][] = [
  'ATT_STALE',
  'SLSA_RUNNER',
  'SLSA_TRIGGER',
  'SLSA_BUILD_TYPE',
  'SLSA_REF',
  'SLSA_SOURCE',
  'SLSA_LEVEL',
  'SLSA_BUILDER',
  'VSA_INVALID',
  'DIGEST_MISMATCH',
  'LIMIT',
  'UNSUPPORTED',
  'MALFORMED',
];

/** A higher level is nearer, then fewer violations, then the more telling ones. */
function distance({ level, violations }: SlsaAssessment): number {
  const codes = violations.map(({ code }) => TELLING_ORDER.indexOf(code));
  const worst = Math.max(0, ...codes.map((index) => (index === -1 ? TELLING_ORDER.length : index)));
  return (3 - level) * 10_000 + violations.length * 100 + worst;
}

function distinct(violations: readonly SlsaViolation[]): readonly SlsaViolation[] {
  return [
    ...new Map(violations.map((violation) => [`${violation.code} ${violation.detail}`, violation])).values(),
  ];
}
