import type { PolicyRules } from '../api/resources.ts';
import { evaluateSlsa } from '../slsa/evaluate-slsa.ts';
import { SLSA_PREDICATES } from '../slsa/slsa-statement.ts';
import type { SlsaImage } from '../slsa/resource-uri.ts';
import { describeShortfall, type SlsaAssessment, type SlsaOutcome } from '../slsa/slsa-outcome.ts';
import { isStale, slsaContexts, type CompiledSlsa } from './compiled-slsa.ts';
import { describeUnread, isUnattested, refusedAttestations } from './found-attestations.ts';
import type { FoundFacts } from './image-facts.ts';
import { candidatesOf } from './provenance-candidates.ts';
import { grouped, mostTelling } from './reason-order.ts';
import { entriesAt } from './signer-entry.ts';
import { describeSlsa } from './slsa-expectation.ts';
import type { BoundRoot } from './trust-binding.ts';
import type { FaultReason, Outcome, ProvenanceFinding, Violation } from './verdict.ts';

export interface ProvenanceQuestion {
  readonly policyName: string;
  readonly rules: PolicyRules;
  readonly image: SlsaImage;
  readonly found: FoundFacts;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * `slsa`: provenance of this digest by a builder that the policy takes, signed by whoever may speak for that builder; never by
 * `trustedKeys` as such. One good statement is enough, whatever stands beside it.
 */
export function evaluateProvenance(compiled: CompiledSlsa, question: ProvenanceQuestion): Outcome {
  const { policyName, image, found, now } = question;
  const unusable = unusableProblem(compiled);
  if (unusable !== undefined) return { kind: 'violated', violations: [unusable] };
  const { candidates, refused } = candidatesOf(compiled, question.rules, found, now);
  const outcome = evaluateSlsa(compiled.policy, image, candidates, now);
  if (outcome.kind === 'verified') {
    return { kind: 'verified', signers: [], provenance: findingOf(outcome.best), warnings: [] };
  }
  const [fault, ...faults] = [...found.faults, ...missingAnswers(compiled, question)];
  if (fault !== undefined) return { kind: 'faulted', faults: [fault, ...faults] };
  const expected = describeSlsa(compiled.policy);
  const { bounds, unread, others } = refusedAttestations(slsaContexts(compiled), found, SLSA_PREDICATES);
  const isMissing = outcome.nearest.kind === 'none' && outcome.violations[0].code === 'ATT_MISSING';
  const last = [...refused, ...others];
  // What was found comes before what is missing: provenance that cannot be read may be the one.
  const ordered: readonly Violation[] = isMissing
    ? [...bounds, ...mostTelling(unread), ...outcome.violations, ...last]
    : [...bounds, ...outcome.violations, ...unread, ...last];
  const [nearest, ...rest] = grouped(ordered);
  const first: Violation = nearest ?? outcome.violations[0];
  const headline = headlineOf(first, outcome, policyName);
  const told = (violation: Violation): Violation => ({ ...violation, about: 'provenance', expected });
  return { kind: 'violated', violations: [told({ ...first, headline }), ...rest.map(told)] };
}

function headlineOf(
  first: Violation,
  outcome: Extract<SlsaOutcome, { kind: 'violated' }>,
  policyName: string,
): string {
  if (first.unverified === undefined) return `has ${describeShortfall(outcome, policyName)}`;
  const why = first.unverified === 'unread' ? describeUnread(first) : first.detail;
  return `has no SLSA provenance that counts; policy "${policyName}" requires level ${outcome.requiredLevel}: ${why}`;
}

/** Whether certificates of build platforms can matter: not where each builder has a signer of its own. */
export function asksPlatforms({ policy: { builders } }: CompiledSlsa): boolean {
  return builders.length === 0 || builders.some(({ signerRef }) => signerRef === undefined);
}

/** Nobody at all could sign what the policy asks for. */
function unusableProblem(compiled: CompiledSlsa): Violation | undefined {
  const { platforms, signers } = compiled;
  const entries = [...signers.values()];
  if (entries.some(({ usable, unavailable }) => usable.length + unavailable.length > 0)) return undefined;
  if (asksPlatforms(compiled) && platforms.kind !== 'unusable') return undefined;
  const ofPlatforms = asksPlatforms(compiled) && platforms.kind === 'unusable' ? [platforms.why] : [];
  const named = entries.flatMap(({ unusable }) => unusable.map(({ label, why }) => `${label}: ${why}`));
  const why = [...ofPlatforms, ...named].join('; ');
  return { code: 'POLICY_INVALID', detail: `nobody can sign the provenance that it asks for: ${why}` };
}

/** Roots and keys that cannot be had now, where one of them could still make a statement count. */
function missingAnswers(compiled: CompiledSlsa, { found, now }: ProvenanceQuestion): readonly FaultReason[] {
  if (isUnattested(found)) return [];
  const { platforms, signers } = compiled;
  const isMissing = isStale(platforms, now) || platforms.kind === 'unavailable';
  const root = isMissing && asksPlatforms(compiled) ? [faultOf(platforms)] : [];
  const keys = [...signers.values()].flatMap((expanded) => entriesAt(expanded, now).unavailable);
  return [
    ...root.flatMap((fault) => fault ?? []),
    ...keys.map(({ label, fault: { code, detail } }) => ({ code, detail: `${label}: ${detail}` })),
  ];
}

function faultOf(root: BoundRoot): FaultReason | undefined {
  if (root.kind === 'bound') return root.stale?.fault;
  return root.kind === 'unavailable' ? root.fault : undefined;
}

function findingOf({
  level,
  builder,
  verifier,
  facts,
  evidence,
  signedAt,
}: SlsaAssessment): ProvenanceFinding {
  const { source, ref, commit } = facts;
  return { level, builder: builder ?? verifier, source, ref, commit, evidence, signedAt };
}
