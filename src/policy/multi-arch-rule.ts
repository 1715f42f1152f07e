import type { PolicyRules } from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import type { FoundFacts, ImageFacts, PlatformFacts } from './image-facts.ts';
import type { FaultReason, Outcome, Violation } from './verdict.ts';

/** Whether one requirement of a policy is met by what was found for one digest. */
export type Requirement = (digest: string, found: FoundFacts) => Outcome;

/**
 * One requirement for everything that the reference may run: the digest itself, where the policy accepts it the index
 * that holds it, and where the policy asks for it every platform in it.
 */
export function evaluateEverywhere(
  rules: PolicyRules,
  digest: string,
  facts: ImageFacts,
  requirement: Requirement,
): Outcome {
  const own = requirement(digest, facts);
  if (rules.multiArch === 'IndexAndPlatforms') {
    return own.kind === 'violated' ? own : withPlatforms(own, facts, requirement);
  }
  return own.kind === 'verified' || !rules.acceptMembership
    ? own
    : throughParent(own, rules, facts, requirement);
}

/** The index that the tag names is signed, and holds the digest: then the digest was signed with it. */
function throughParent(
  own: Outcome,
  rules: PolicyRules,
  { parent }: ImageFacts,
  requirement: Requirement,
): Outcome {
  switch (parent.kind) {
    case 'none':
      return own;
    case 'stranger':
      return withRemark(own, {
        code: 'DIGEST_MISMATCH',
        detail: `the tag names ${parent.digest}, which is no index that holds this digest`,
      });
    case 'refused':
      return withRemark(own, parent.violation);
    case 'fault':
      return { kind: 'faulted', faults: [parent.fault, ...faultsOf(own)] };
    case 'known':
      break;
    default:
      return unreachable(parent);
  }
  if (rules.revokedDigests.has(parent.digest)) {
    return withRemark(own, {
      code: 'DIGEST_REVOKED',
      detail: `the index that holds it, ${parent.digest}, is in revokedDigests`,
    });
  }
  const outcome = requirement(parent.digest, parent);
  if (outcome.kind === 'verified') return outcome;
  // Either may still vouch for it when its missing answer comes.
  const [fault, ...faults] = [...faultsOf(own), ...faultsOf(outcome)];
  if (fault !== undefined) return { kind: 'faulted', faults: [fault, ...faults] };
  return violationsOf(outcome).reduce(
    (told, { code, detail }) => withRemark(told, { code, detail: `its index ${parent.digest}: ${detail}` }),
    own,
  );
}

function withRemark(outcome: Outcome, remark: Violation): Outcome {
  return outcome.kind === 'violated' ? { ...outcome, violations: [...outcome.violations, remark] } : outcome;
}

/**
 * Every platform has to be signed like the index: a node runs one of them.
 * @param own verified, or faulted: a platform's "no" stays one, whatever is still to be learned of the index
 */
function withPlatforms(own: Outcome, { platforms }: ImageFacts, requirement: Requirement): Outcome {
  switch (platforms.kind) {
    case 'none':
      return own;
    case 'refused':
      return { kind: 'violated', violations: [platforms.violation] };
    case 'fault':
      return { kind: 'faulted', faults: [platforms.fault, ...faultsOf(own)] };
    case 'known':
      break;
    default:
      return unreachable(platforms);
  }
  const outcomes = platforms.platforms.map((platform) => ({
    platform,
    outcome: requirement(platform.digest, platform),
  }));
  const [violation, ...violations] = outcomes.flatMap(({ platform, outcome }) =>
    violationsOf(outcome).map((each) => ofPlatform(platform, ofSignedIndex(own, platform, each))),
  );
  if (violation !== undefined) return { kind: 'violated', violations: [violation, ...violations] };
  const [fault, ...faults] = [
    ...faultsOf(own),
    ...outcomes.flatMap(({ platform, outcome }) =>
      faultsOf(outcome).map((each) => ofPlatform(platform, each)),
    ),
  ];
  return fault === undefined ? own : { kind: 'faulted', faults: [fault, ...faults] };
}

/** "Is not signed" would be wrong of an image whose index is. */
function ofSignedIndex(own: Outcome, { platform }: PlatformFacts, violation: Violation): Violation {
  if (own.kind !== 'verified' || violation.code !== 'SIGNATURE_MISSING' || violation.about !== undefined)
    return violation;
  return {
    ...violation,
    headline: `is signed, but its manifest for ${platform} is not. Signature required`,
  };
}

function ofPlatform<T extends Violation | FaultReason>({ platform, digest }: PlatformFacts, reason: T): T {
  return { ...reason, detail: `platform ${platform} (${digest}): ${reason.detail}` };
}

function violationsOf(outcome: Outcome): readonly Violation[] {
  return outcome.kind === 'violated' ? outcome.violations : [];
}

function faultsOf(outcome: Outcome): readonly FaultReason[] {
  return outcome.kind === 'faulted' ? outcome.faults : [];
}
