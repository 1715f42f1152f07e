import type { Mode, PolicyRules } from '../api/resources.ts';
import { unreachable } from '../errors.ts';
import type { ImageFacts } from './image-facts.ts';
import { evaluateRequirements } from './requirements.ts';
import type { CompiledPolicy } from './snapshot.ts';
import type { Outcome, Violation } from './verdict.ts';

/** What is asked besides the facts: the moment (milliseconds since the epoch), and whether the object is a Pod itself. */
export interface Circumstances {
  readonly now: number;
  readonly isPod: boolean;
}

/** One image under one policy. Pure: the same facts at the same moment give the same outcome. */
export function evaluate(compiled: CompiledPolicy, facts: ImageFacts, circumstances: Circumstances): Outcome {
  const { policy } = compiled;
  const { rules } = policy;
  if (rules === undefined) return violated(invalidPolicy(compiled));
  if ('problem' in facts.reference) return violated({ code: 'REF_INVALID', detail: facts.reference.problem });

  const tag = tagViolation(policy.mode, rules, facts, circumstances);
  const digest = digestOf(facts);
  // A tag that cannot be resolved now could not be pinned either: what hinders that is the news, and may be no "no" at all.
  if (typeof digest !== 'string') return tag?.code === 'DIGEST_REQUIRED' ? violated(tag) : digest;
  if (!digest.startsWith('sha256:')) {
    return violated({ code: 'UNSUPPORTED', detail: 'only sha256 digests can be verified and revoked' });
  }
  if (rules.revokedDigests.has(digest)) {
    return violated({ code: 'DIGEST_REVOKED', detail: `${digest} is in revokedDigests` });
  }
  const platforms = revokedPlatforms(rules, facts);
  if (platforms?.kind === 'violated') return platforms;
  const met = worse(platforms, evaluateRequirements(compiled, rules, digest, facts, circumstances.now));
  if (tag === undefined) return withTagWarning(met, rules, facts);
  // A missing signature is worse news than a missing digest: it is told first.
  return met.kind === 'violated' ? { ...met, violations: [...met.violations, tag] } : violated(tag);
}

function violated(violation: Violation): Outcome {
  return { kind: 'violated', violations: [violation] };
}

/** A node runs one of an index's platforms: none of them may be revoked, however the index was named. */
function revokedPlatforms({ revokedDigests }: PolicyRules, { platforms }: ImageFacts): Outcome | undefined {
  if (revokedDigests.size === 0) return undefined;
  switch (platforms.kind) {
    case 'none':
      return undefined;
    case 'refused':
      return violated(platforms.violation);
    case 'fault':
      return { kind: 'faulted', faults: [platforms.fault] };
    case 'known': {
      const revoked = platforms.platforms.find(({ digest }) => revokedDigests.has(digest));
      if (revoked === undefined) return undefined;
      const { platform, digest } = revoked;
      return violated({
        code: 'DIGEST_REVOKED',
        detail: `platform ${platform} (${digest}): ${digest} is in revokedDigests`,
      });
    }
    default:
      return unreachable(platforms);
  }
}

/** A platform that cannot be looked at is as bad as what it may be, but a "no" stays one. */
function worse(platforms: Outcome | undefined, met: Outcome): Outcome {
  return platforms?.kind === 'faulted' && met.kind === 'verified' ? platforms : met;
}

/** A policy that cannot be read denies in its scope: nobody knows what it would have asked for. */
function invalidPolicy({ policy }: CompiledPolicy): Violation {
  const problems = policy.problems.slice(0, 3).map(({ field, message }) => `${field}: ${message}`);
  const more = policy.problems.length > 3 ? `; and ${policy.problems.length - 3} more` : '';
  return { code: 'POLICY_INVALID', detail: `${problems.join('; ')}${more}` };
}

/** The digest that everything is judged by, or the outcome that follows from not having one. */
function digestOf({ digest }: ImageFacts): string | Outcome {
  switch (digest.kind) {
    case 'known':
      return digest.digest;
    case 'refused':
      return violated(digest.violation);
    case 'fault':
      return { kind: 'faulted', faults: [digest.fault] };
    case 'unasked':
      return { kind: 'faulted', faults: [{ code: 'INTERNAL', detail: 'nobody asked for the digest' }] };
    default:
      return unreachable(digest);
  }
}

function tagViolation(
  mode: Mode,
  rules: PolicyRules,
  facts: ImageFacts,
  { isPod }: Circumstances,
): Violation | undefined {
  if ('problem' in facts.reference || facts.reference.digest !== undefined) return undefined;
  switch (rules.tagPolicy) {
    case 'Resolve':
      return undefined;
    case 'RequireDigest':
      return { code: 'DIGEST_REQUIRED', detail: 'the reference has no digest, and the policy requires one' };
    case 'Pin':
      // Warn and Audit tell what Enforce would refuse: there the mutating webhook would have pinned the tag.
      return isPod && mode === 'Enforce'
        ? {
            code: 'TAG_NOT_PINNED',
            detail: 'the Pod names a tag, which was not pinned to a digest before validation',
          }
        : undefined;
    default:
      return unreachable(rules.tagPolicy);
  }
}

/** `Resolve` leaves a gap that the user should know of; templates under `Pin` are pinned when their Pods are made. */
function withTagWarning(outcome: Outcome, rules: PolicyRules, { reference }: ImageFacts): Outcome {
  if (outcome.kind !== 'verified' || rules.tagPolicy !== 'Resolve') return outcome;
  if ('problem' in reference || reference.digest !== undefined) return outcome;
  const warning = `${reference.original}: verified as its tag resolves now; the node may pull another digest`;
  return { ...outcome, warnings: [...outcome.warnings, warning] };
}
