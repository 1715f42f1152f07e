import type { PolicyRules } from '../api/resources.ts';
import { imageName } from '../image/reference.ts';
import { evaluateAttestation, ofDemand } from './attestation-rule.ts';
import type { ImageFacts } from './image-facts.ts';
import { evaluateEverywhere, type Requirement } from './multi-arch-rule.ts';
import { evaluateProvenance } from './provenance-rule.ts';
import { entriesAt } from './signer-entry.ts';
import { evaluateSignatures, unusableViolation } from './signature-rule.ts';
import type { CompiledPolicy } from './snapshot.ts';
import type { Outcome } from './verdict.ts';

/**
 * Everything that a policy asks of evidence: signatures, provenance, other attestations. All must hold; each on its own, so
 * that one piece of evidence never stands in for another kind.
 * @param now milliseconds since the epoch
 */
export function evaluateRequirements(
  compiled: CompiledPolicy,
  rules: PolicyRules,
  digest: string,
  facts: ImageFacts,
  now: number,
): Outcome {
  const { reference } = facts;
  const name = 'problem' in reference ? '' : imageName(reference);
  const everywhere = (requirement: Requirement): Outcome =>
    evaluateEverywhere(rules, digest, facts, requirement);
  const outcomes: Outcome[] = [];
  if (rules.requireSignature) {
    const entries = entriesAt(compiled.entries, now);
    // What no evidence can mend needs none: not even the index that nobody can tell.
    const unusable = unusableViolation(rules.threshold, entries);
    outcomes.push(
      unusable === undefined
        ? everywhere((of, found) => evaluateSignatures(rules, entries, of, found, now))
        : { kind: 'violated', violations: [unusable] },
    );
  }
  const { policy, slsa, attestations } = compiled;
  if (slsa !== undefined) {
    outcomes.push(
      everywhere((of, found) =>
        evaluateProvenance(slsa, {
          policyName: policy.name,
          rules,
          image: { name, digest: of },
          found,
          now,
        }),
      ),
    );
  }
  for (const { demand, entries: expanded } of attestations) {
    const entries = entriesAt(expanded, now);
    const unusable = unusableViolation(1, entries, 'signers');
    outcomes.push(
      unusable === undefined
        ? everywhere((of, found) =>
            evaluateAttestation(demand, entries, { policyName: policy.name, rules, digest: of, found, now }),
          )
        : { kind: 'violated', violations: [ofDemand(demand, unusable)] },
    );
  }
  return outcomes.reduce(both, { kind: 'verified', signers: [], warnings: [] });
}

/** AND: violated > faulted > verified; the reasons of both are told. */
function both(a: Outcome, b: Outcome): Outcome {
  if (a.kind === 'violated') {
    return b.kind === 'violated' ? { ...a, violations: [...a.violations, ...b.violations] } : a;
  }
  if (b.kind === 'violated') return b;
  if (a.kind === 'faulted') return b.kind === 'faulted' ? { ...a, faults: [...a.faults, ...b.faults] } : a;
  if (b.kind === 'faulted') return b;
  const provenance = a.provenance ?? b.provenance;
  return {
    kind: 'verified',
    signers: [...a.signers, ...b.signers],
    ...(provenance !== undefined && { provenance }),
    warnings: [...a.warnings, ...b.warnings],
  };
}
