import type { PolicyRules } from '../api/resources.ts';
import { evaluateSlsa } from '../slsa/evaluate-slsa.ts';
import type { Provenance } from '../slsa/provenance.ts';
import type { SlsaImage } from '../slsa/resource-uri.ts';
import type { SlsaCandidate } from '../slsa/slsa-candidate.ts';
import type { SlsaAssessment } from '../slsa/slsa-outcome.ts';
import type { CompiledSlsa } from './compiled-slsa.ts';
import type { ProvenanceExplanation, StatementExplanation } from './explanation.ts';
import type { FoundFacts } from './image-facts.ts';
import { field } from './message.ts';
import { candidatesOf } from './provenance-candidates.ts';
import { describeSigner } from './signer-match.ts';

/** Dependencies of one build that are shown: a pipeline names hundreds. */
const MAX_DEPENDENCIES = 16;

export interface ProvenanceExaminable {
  readonly compiled: CompiledSlsa;
  readonly rules: PolicyRules;
  readonly image: SlsaImage;
  readonly found: FoundFacts;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whether the statements' own words are asked for. */
  readonly statements: boolean;
}

/** Every statement once, the one that is worth most first; each judged alone by the very function that the verdict was made with. */
export function explainProvenance(examinable: ProvenanceExaminable): readonly ProvenanceExplanation[] {
  const { compiled, rules, image, found, now, statements } = examinable;
  const best: Judged[] = [];
  for (const candidate of candidatesOf(compiled, rules, found, now).candidates) {
    const judged = { candidate, assessment: assess(compiled, image, candidate, now) };
    // One statement may verify in several contexts: for the platform, and for a signer of the policy.
    const same = best.findIndex((each) => isSame(each.candidate, candidate));
    const before = best[same];
    if (before === undefined) best.push(judged);
    else if (worth(judged) > worth(before)) best[same] = judged;
  }
  return best.sort((a, b) => worth(b) - worth(a)).map((each) => explained(each, statements));
}

interface Judged {
  readonly candidate: SlsaCandidate;
  readonly assessment: SlsaAssessment;
}

function assess(
  { policy }: CompiledSlsa,
  image: SlsaImage,
  candidate: SlsaCandidate,
  now: number,
): SlsaAssessment {
  const outcome = evaluateSlsa(policy, image, [candidate], now);
  return outcome.kind === 'verified' ? outcome.best : outcome.nearest;
}

/** Two pieces may lie in places of one name; what they say is kept once for each content. */
function isSame(a: SlsaCandidate, b: SlsaCandidate): boolean {
  return a.source === b.source && a.statement === b.statement;
}

function worth({ assessment: { violations, level } }: Judged): number {
  return (violations.length === 0 ? 10 : 0) + level;
}

function explained({ candidate, assessment }: Judged, statements: boolean): ProvenanceExplanation {
  const { source: evidence, statement, signer } = candidate;
  const { level, builder, verifier, facts, buildType, signedAt, violations } = assessment;
  const { source, ref, commit, trigger, runnerEnvironment } = facts;
  return {
    evidence: field(evidence),
    kind: statement.kind,
    counts: violations.length === 0,
    level,
    builder,
    verifier,
    source,
    ref,
    commit,
    trigger,
    runnerEnvironment,
    buildType,
    signedBy: field(describeSigner({ signer })),
    signedAt: time(signedAt),
    reasons: violations.map(({ code, detail }) => ({ code, detail: field(detail) })),
    ...(statements && statement.kind === 'provenance' && { statement: ownWords(statement) }),
  };
}

function ownWords(provenance: Provenance): StatementExplanation {
  const { entryPoint, invocationId, startedOn, finishedOn, builder, parameters, resolvedDependencies } =
    provenance;
  return {
    entryPoint,
    invocation: invocationId,
    startedOn: time(startedOn),
    finishedOn: time(finishedOn),
    builderVersion: builder.version,
    parameters,
    resolvedDependencies: resolvedDependencies.slice(0, MAX_DEPENDENCIES),
    resolvedDependencyCount: resolvedDependencies.length,
  };
}

function time(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
