import type { PolicyRules, SlsaDemand } from '../api/resources.ts';
import { evaluateSlsa } from '../slsa/evaluate-slsa.ts';
import type { SlsaImage } from '../slsa/resource-uri.ts';
import type { SlsaCandidate } from '../slsa/slsa-candidate.ts';
import { describeShortfall, type SlsaAssessment } from '../slsa/slsa-outcome.ts';
import type { SlsaPolicy } from '../slsa/slsa-policy.ts';
import type { FoundFacts, VerifiedFact } from './image-facts.ts';
import { countedTimes, proofViolation, termsOf } from './proof-rule.ts';
import { entriesAt, expandEntries, type ExpandedEntries, type TrustLookup } from './signer-entry.ts';
import { verifiedIn } from './signature-rule.ts';
import { matchSigner } from './signer-match.ts';
import { bindRoot, type BoundContext, type BoundRoot } from './trust-binding.ts';
import type { FaultReason, Outcome, ProvenanceFinding, Violation } from './verdict.ts';

/** A policy's `slsa`, with its references followed. */
export interface CompiledSlsa {
  readonly policy: SlsaPolicy;
  /** The root that certificates of build platforms are verified with. */
  readonly platforms: BoundRoot;
  /** The TrustedSigners that `builders` and `verifiers` name, by name. */
  readonly signers: ReadonlyMap<string, ExpandedEntries>;
}

export interface ProvenanceQuestion {
  readonly policyName: string;
  readonly rules: PolicyRules;
  readonly image: SlsaImage;
  readonly found: FoundFacts;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function compileSlsa(
  { policy, trustRoot }: SlsaDemand,
  rules: PolicyRules,
  lookup: TrustLookup,
): CompiledSlsa {
  const names = [...policy.builders, ...policy.verifiers].flatMap(({ signerRef }) => signerRef ?? []);
  const signers = new Map(
    names.map((name) => [
      name,
      expandEntries([{ kind: 'signerRef', field: 'spec.slsa', name }], rules, lookup),
    ]),
  );
  return { policy, platforms: bindRoot(trustRoot ?? rules.trustRoot, lookup.trustRoots), signers };
}

/** The trust contexts that provenance is verified in. */
export function slsaContexts({ platforms, signers }: CompiledSlsa): readonly BoundContext[] {
  const own = platforms.kind === 'bound' ? [platforms.bound] : [];
  return [
    ...own,
    ...[...signers.values()].flatMap(({ usable }) => usable.flatMap(({ contexts }) => contexts)),
  ];
}

/**
 * `slsa`: provenance of this digest by a builder that the policy takes, signed by whoever may speak for that builder; never by
 * `trustedKeys` as such. One good statement is enough, whatever stands beside it.
 */
export function evaluateProvenance(compiled: CompiledSlsa, question: ProvenanceQuestion): Outcome {
  const { policyName, image, found, now } = question;
  const missing = missingAnswers(compiled, question);
  if (compiled.platforms.kind === 'unusable' && compiled.signers.size === 0) {
    return { kind: 'violated', violations: [{ code: 'POLICY_INVALID', detail: compiled.platforms.why }] };
  }
  const refused: Violation[] = found.refused
    .filter(({ claims }) => claims === 'attestation')
    .map(({ code, detail, source }) => ({ code, detail: `${source}: ${detail}` }));
  const candidates = candidatesOf(compiled, question, refused);
  const outcome = evaluateSlsa(compiled.policy, image, candidates, now);
  if (outcome.kind === 'verified') {
    return { kind: 'verified', signers: [], provenance: findingOf(outcome.best), warnings: [] };
  }
  const [fault, ...faults] = [...found.faults, ...missing];
  if (fault !== undefined) return { kind: 'faulted', faults: [fault, ...faults] };
  const [first, ...rest] = outcome.violations;
  const headline = `has ${describeShortfall(outcome, policyName)}`;
  return { kind: 'violated', violations: [{ ...first, headline }, ...rest, ...refused] };
}

/** Every SLSA statement that verified, with whom it counts for; what does not count at all goes to `refused`. */
function candidatesOf(
  { platforms, signers }: CompiledSlsa,
  { rules, found, now }: ProvenanceQuestion,
  refused: Violation[],
): readonly SlsaCandidate[] {
  const candidates: SlsaCandidate[] = [];
  const add = (
    fact: VerifiedFact,
    context: BoundContext,
    by: Pick<SlsaCandidate, 'isPlatform' | 'signerRefs'>,
  ) => {
    if (fact.slsa === undefined) return;
    const times = countedTimes(termsOf(context.context, rules), fact);
    const { source, digests, signer, slsa: statement } = fact;
    candidates.push({ source, digests, statement, signer, times, ...by });
  };
  if (platforms.kind === 'bound' && !isStale(platforms, now)) {
    const { bound } = platforms;
    for (const fact of verifiedIn(bound, found)) {
      if (fact.slsa === undefined) continue;
      const violation = proofViolation(termsOf(bound.context, rules), fact, now);
      if (violation === undefined) add(fact, bound, { isPlatform: true, signerRefs: NOBODY });
      else refused.push({ ...violation, detail: `${fact.source}: ${violation.detail}` });
    }
  }
  const ownId = platforms.kind === 'bound' ? platforms.bound.id : undefined;
  for (const [name, expanded] of signers) {
    for (const entry of entriesAt(expanded, now).usable) {
      for (const context of entry.contexts) {
        for (const fact of verifiedIn(context, found)) {
          const match = matchSigner(entry, fact, rules, now);
          if (match.counts)
            add(fact, context, { isPlatform: context.id === ownId, signerRefs: new Set([name]) });
        }
      }
    }
  }
  return candidates;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Roots and keys that cannot be had now: whatever they would say, nobody can tell. */
function missingAnswers(
  { platforms, signers }: CompiledSlsa,
  { now }: ProvenanceQuestion,
): readonly FaultReason[] {
  const root = isStale(platforms, now) || platforms.kind === 'unavailable' ? [faultOf(platforms)] : [];
  const keys = [...signers.values()].flatMap((expanded) => entriesAt(expanded, now).unavailable);
  return [
    ...root.flatMap((fault) => fault ?? []),
    ...keys.map(({ label, fault: { code, detail } }) => ({ code, detail: `${label}: ${detail}` })),
  ];
}

function isStale(root: BoundRoot, now: number): boolean {
  return root.kind === 'bound' && root.stale !== undefined && now >= root.stale.from;
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
