import { ageViolation } from './age.ts';
import { buildFactsOf, type BuildFacts } from './build-facts.ts';
import { judgeBuilder, type BuilderJudgement } from './builder-judgement.ts';
import { contradictionOf, selfContradictionOf } from './certificate-agreement.ts';
import type { Claim, ClaimSubject } from './claim.ts';
import type { Provenance } from './provenance.ts';
import type { SlsaCandidate } from './slsa-candidate.ts';
import { NO_FACTS, shortfallsAbove, type SlsaAssessment, type SlsaViolation } from './slsa-outcome.ts';
import type { SlsaPolicy, SlsaViolationCode, SourceRule } from './slsa-policy.ts';

/** What a provenance of the image asked about is worth, and everything that it lacks. @param now milliseconds since the epoch */
export function assessProvenance(
  policy: SlsaPolicy,
  provenance: Provenance,
  candidate: SlsaCandidate,
  now: number,
): SlsaAssessment {
  const { signer, isPlatform, source, times } = candidate;
  const common = {
    evidence: source,
    kind: 'provenance',
    verifier: undefined,
    buildType: provenance.buildType,
    signedAt: times[0],
  } as const;
  const contradiction = contradictionViolation(provenance, candidate);
  if (contradiction !== undefined) {
    const found = contradiction.detail;
    const shortfalls = shortfallsAbove(0, found, 'a predicate that agrees with itself and its certificate');
    const builder = provenance.builder.id;
    return { ...common, builder, level: 0, facts: NO_FACTS, shortfalls, violations: [contradiction] };
  }
  const judgement = judgeBuilder(policy, provenance, candidate);
  const { level, builder, maySpeak, found, expected } = judgement;
  const facts = buildFactsOf(provenance, signer, {
    isPlatform,
    maySpeak,
    githubIssuers: policy.githubIssuers,
  });
  const violations = [
    builderViolation(policy, judgement),
    sourceViolation(policy.sources, facts),
    refViolation(policy, facts),
    oneOf('SLSA_BUILD_TYPE', 'build type', provenance.buildType, policy.buildTypes),
    oneOf('SLSA_TRIGGER', 'trigger', facts.trigger, policy.triggers),
    oneOf(
      'SLSA_RUNNER',
      'runner environment',
      facts.runnerEnvironment,
      policy.runnerEnvironment === undefined ? [] : [policy.runnerEnvironment],
    ),
    ageViolation(policy.maxAge, times, now),
  ].filter((violation) => violation !== undefined);
  return {
    ...common,
    builder,
    level,
    facts,
    shortfalls: shortfallsAbove(level, found, expected),
    violations,
  };
}

const CONTRADICTION_CODES: Readonly<Partial<Record<ClaimSubject, SlsaViolationCode>>> = {
  trigger: 'SLSA_TRIGGER',
  runner: 'SLSA_RUNNER',
};

function contradictionViolation(
  { claims }: Provenance,
  { signer }: SlsaCandidate,
): SlsaViolation | undefined {
  const contradiction = signer.kind === 'certificate' ? contradictionOf(claims, signer) : undefined;
  if (contradiction !== undefined) {
    const { claim, extension, certified } = contradiction;
    const certificate = `the certificate's ${extension} says ${certified}`;
    return contradictory(claim, certificate);
  }
  const [claim, other] = selfContradictionOf(claims) ?? [];
  if (claim === undefined || other === undefined) return undefined;
  return contradictory(claim, `${other.path} says ${other.value}`);
}

function contradictory({ about, path, value }: Claim, other: string): SlsaViolation {
  return { code: CONTRADICTION_CODES[about] ?? 'SLSA_SOURCE', detail: `${path} says ${value}, and ${other}` };
}

function builderViolation(
  { requiredLevel, builders }: SlsaPolicy,
  { level, isAccepted, found, expected, entry }: BuilderJudgement,
): SlsaViolation | undefined {
  const detail = `${found}; expected ${expected}`;
  // Level 1 asks for no builder, unless the policy names some.
  if (!isAccepted && (builders.length > 0 || requiredLevel > 1)) return { code: 'SLSA_BUILDER', detail };
  if (level >= requiredLevel) return undefined;
  return { code: 'SLSA_LEVEL', detail, ...(entry !== undefined && { entry }) };
}

function sourceViolation(rules: readonly SourceRule[], facts: BuildFacts): SlsaViolation | undefined {
  if (rules.length === 0 || rules.some((rule) => isSource(rule, facts))) return undefined;
  const { source, ownerID, repositoryID } = facts;
  const ids = [
    ...(ownerID === undefined ? [] : [`owner ${ownerID}`]),
    ...(repositoryID === undefined ? [] : [`repository ${repositoryID}`]),
  ].join(', ');
  const found = source === undefined ? 'no source that anybody vouches for' : `source ${source}`;
  const expected = rules.map(describeSource).join(' or ');
  return { code: 'SLSA_SOURCE', detail: `${found}${ids === '' ? '' : ` (${ids})`}; expected ${expected}` };
}

function isSource({ uri, ownerID, repositoryID }: SourceRule, facts: BuildFacts): boolean {
  return (
    facts.source !== undefined &&
    uri.matches(facts.source) &&
    (ownerID === undefined || ownerID === facts.ownerID) &&
    (repositoryID === undefined || repositoryID === facts.repositoryID)
  );
}

/** A source that a policy takes, for people. */
export function describeSource({ uri, ownerID, repositoryID }: SourceRule): string {
  const owner = ownerID === undefined ? '' : ` of owner ${ownerID}`;
  return `${uri.source}${owner}${repositoryID === undefined ? '' : ` with id ${repositoryID}`}`;
}

function refViolation({ refs }: SlsaPolicy, { ref }: BuildFacts): SlsaViolation | undefined {
  if (refs.length === 0 || (ref !== undefined && refs.some((pattern) => pattern.matches(ref))))
    return undefined;
  const found = ref === undefined ? 'no ref that anybody vouches for' : `ref ${ref}`;
  return { code: 'SLSA_REF', detail: `${found}; expected ${refs.map(({ source }) => source).join(' or ')}` };
}

function oneOf(
  code: SlsaViolationCode,
  what: string,
  found: string | undefined,
  expected: readonly string[],
): SlsaViolation | undefined {
  if (expected.length === 0 || (found !== undefined && expected.includes(found))) return undefined;
  return { code, detail: `${what} ${found ?? '(none)'}; expected ${expected.join(' or ')}` };
}
