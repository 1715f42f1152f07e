import { ageViolation, CLOCK_SKEW_MILLISECONDS, iso } from './age.ts';
import { isResource, type SlsaImage } from './resource-uri.ts';
import type { SlsaCandidate } from './slsa-candidate.ts';
import { NO_FACTS, shortfallsAbove, type SlsaAssessment, type SlsaViolation } from './slsa-outcome.ts';
import type { SlsaLevel, SlsaPolicy } from './slsa-policy.ts';
import type { VerificationSummary } from './verification-summary.ts';

/**
 * What a verification summary of the image is worth (attack B14). It stands for the builder, whom its verifier has judged; of
 * source, ref, build type, trigger and runner it says nothing, so a policy that asks for one of these is not met by it.
 * @param now milliseconds since the epoch
 */
export function assessSummary(
  policy: SlsaPolicy,
  summary: VerificationSummary,
  candidate: SlsaCandidate,
  image: SlsaImage,
  now: number,
): SlsaAssessment {
  const problem = summaryProblem(policy, summary, candidate, image, now);
  const level = problem === undefined ? levelOf(summary) : 0;
  const found = problem ?? `verifier ${summary.verifier} found level ${level}`;
  const expected = 'a summary of a trusted verifier with a higher level';
  const violations: readonly (SlsaViolation | undefined)[] =
    problem === undefined
      ? [
          level < policy.requiredLevel
            ? { code: 'SLSA_LEVEL', detail: `${found}; expected ${expected}` }
            : undefined,
          ...silences(policy),
          ageViolation(policy.maxAge, agesOf(summary, candidate), now),
        ]
      : [{ code: 'VSA_INVALID', detail: problem }];
  return {
    evidence: candidate.source,
    kind: 'summary',
    level,
    builder: undefined,
    verifier: summary.verifier,
    buildType: undefined,
    facts: NO_FACTS,
    signedAt: candidate.times[0],
    shortfalls: shortfallsAbove(level, found, expected),
    violations: violations.filter((violation) => violation !== undefined),
  };
}

/** Why it does not count at all. */
function summaryProblem(
  policy: SlsaPolicy,
  summary: VerificationSummary,
  { signerRefs, times }: SlsaCandidate,
  image: SlsaImage,
  now: number,
): string | undefined {
  const { verifier, resourceUri, passed, result, policyUri, buildLevels, verifiedAt } = summary;
  const named = policy.verifiers.filter(({ id }) => id === verifier);
  if (named.length === 0) return `the policy does not name verifier ${verifier}`;
  const signed = named.filter(({ signerRef }) => signerRefs.has(signerRef));
  if (signed.length === 0) {
    const refs = named.map(({ signerRef }) => `"${signerRef}"`).join(' or ');
    return `verifier ${verifier} did not sign it; expected a signature of TrustedSigner ${refs}`;
  }
  if (!passed) return `its verificationResult is ${result}; expected PASSED`;
  if (!isResource(resourceUri, image)) return `it is about ${resourceUri}; expected ${image.name}`;
  if (!signed.some((rule) => rule.policyUri === undefined || rule.policyUri === policyUri)) {
    const expected = signed.map((rule) => rule.policyUri).join(' or ');
    return `it was verified against policy ${policyUri ?? '(none named)'}; expected ${expected}`;
  }
  if (buildLevels.length > 1) return 'it names more than one level of the build track';
  if (levelOf(summary) === 0)
    return 'it names no level of the build track, SLSA_BUILD_LEVEL_1 to SLSA_BUILD_LEVEL_3';
  return verifiedAt === undefined ? undefined : timeProblem(verifiedAt, times, now);
}

/** Nobody signs before they have verified. */
function timeProblem(verifiedAt: number, times: readonly number[], now: number): string | undefined {
  if (verifiedAt > now + CLOCK_SKEW_MILLISECONDS) {
    return `its timeVerified is ${iso(verifiedAt)}, which is in the future`;
  }
  const signedBy = times.at(-1);
  if (signedBy !== undefined && verifiedAt > signedBy + CLOCK_SKEW_MILLISECONDS) {
    return `its timeVerified is ${iso(verifiedAt)}, and it was signed at ${iso(signedBy)}`;
  }
  return undefined;
}

/** A trusted verifier signs its own time too: it may make a summary older, and never younger. */
function agesOf({ verifiedAt }: VerificationSummary, { times }: SlsaCandidate): readonly number[] {
  return verifiedAt === undefined ? times : [verifiedAt, ...times].sort((a, b) => a - b);
}

function levelOf({ buildLevels }: VerificationSummary): 0 | SlsaLevel {
  const [level] = buildLevels;
  return level === 1 || level === 2 || level === 3 ? level : 0;
}

function silences(policy: SlsaPolicy): readonly SlsaViolation[] {
  const asked: readonly (readonly [boolean, SlsaViolation['code'], string])[] = [
    [policy.sources.length > 0, 'SLSA_SOURCE', 'source'],
    [policy.refs.length > 0, 'SLSA_REF', 'ref'],
    [policy.buildTypes.length > 0, 'SLSA_BUILD_TYPE', 'build type'],
    [policy.triggers.length > 0, 'SLSA_TRIGGER', 'trigger'],
    [policy.runnerEnvironment !== undefined, 'SLSA_RUNNER', 'runner environment'],
  ];
  return asked.flatMap(([isAsked, code, what]) =>
    isAsked
      ? [{ code, detail: `a verification summary says nothing of the ${what}, which the policy asks for` }]
      : [],
  );
}
