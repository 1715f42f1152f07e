import { bindByCertificate, unknownVersion, type Binding } from './builder-binding.ts';
import { splitBuilderId } from './builder-id.ts';
import type { Provenance } from './provenance.ts';
import { rosterEntry, type LevelFinding } from './roster.ts';
import type { SlsaCandidate } from './slsa-candidate.ts';
import type { BuilderRule, SlsaLevel, SlsaPolicy } from './slsa-policy.ts';

/** What a provenance is worth by who built and who signed. */
export interface BuilderJudgement {
  /** At least 1: the provenance exists. */
  readonly level: SlsaLevel;
  /** The builder as the certificate has it, else as the predicate claims; undefined when it names none. */
  readonly builder: string | undefined;
  /** Whether its signer may speak for the builder. */
  readonly maySpeak: boolean;
  /** Whether the builder is one that the policy, or without one the roster's rules, takes. */
  readonly isAccepted: boolean;
  /** Why it is not worth more: what was found, and what would have to be there. */
  readonly found: string;
  readonly expected: string;
  /** What the owners of the policy would write to give it a higher level. */
  readonly entry?: string;
}

/** BuildKit's predicate says what whoever ran `docker build` lets it say. */
const BUILDKIT_LEVEL = 1;
/** Signed by whom the policy names for the builder, and no more is known of it. */
const NAMED_SIGNER: LevelFinding = {
  level: 2,
  reason: 'neither roster nor policy says that it isolates its builds',
};
/** Builders of a policy that a sentence names. */
const SHOWN_BUILDERS = 3;

/**
 * A policy that names builders takes these and no others; each by the roster's rule for its platform, or by the signer that
 * the policy names for it, never by `trustedKeys`.
 */
export function judgeBuilder(
  { builders, requiredLevel, githubIssuers }: SlsaPolicy,
  provenance: Provenance,
  { signer, signerRefs, isPlatform }: Pick<SlsaCandidate, 'signer' | 'signerRefs' | 'isPlatform'>,
): BuilderJudgement {
  const binding = isPlatform ? bindByCertificate(provenance, signer, githubIssuers) : FOREIGN;
  if (builders.length === 0) return cap(provenance, byRoster(binding, provenance, requiredLevel));
  const judgements = builders.flatMap((rule) => {
    const judged = byRule(rule, provenance, binding, signerRefs);
    return judged === undefined ? [] : [judged];
  });
  // Rules may overlap: the one that gives most counts.
  const [best] = judgements.sort((a, b) => worth(b) - worth(a));
  return cap(provenance, best ?? unlisted(builders, provenance, binding));
}

const FOREIGN: Binding = {
  holds: false,
  found: 'signed by a TrustedSigner that the policy names for none of its builders',
  expected: "a signature that the policy's builders name",
};

function byRoster(binding: Binding, provenance: Provenance, requiredLevel: SlsaLevel): BuilderJudgement {
  if (!binding.holds) return unspoken(provenance.builder.id, binding);
  const { builder, worth: finding } = binding;
  return {
    level: finding.level,
    builder,
    maySpeak: true,
    isAccepted: rosterEntry(builder) !== 'otherVersion' || requiredLevel === 1,
    found: `builder ${builder} gives level ${finding.level}: ${finding.reason}`,
    expected: 'a builder that the roster or the policy gives a higher level',
    ...entryFor(builder, finding),
  };
}

/** Undefined where the rule is for another builder. */
function byRule(
  rule: BuilderRule,
  provenance: Provenance,
  certificate: Binding,
  signerRefs: ReadonlySet<string>,
): BuilderJudgement | undefined {
  const binding =
    rule.signerRef === undefined ? certificate : bindBySigner(rule.signerRef, provenance, signerRefs);
  const builder = binding.holds ? binding.builder : provenance.builder.id;
  if (builder === undefined) return undefined;
  const [wanted, found] = [splitBuilderId(rule.id), splitBuilderId(builder)];
  if (wanted.name !== found.name) return undefined;
  const version = versionProblem(rule, builder);
  if (version !== undefined) {
    return { level: 1, builder, maySpeak: binding.holds, isAccepted: false, ...version };
  }
  if (!binding.holds) return unspoken(builder, binding);
  const finding = findingOf(rule, binding.worth);
  return {
    level: finding.level,
    builder,
    maySpeak: true,
    isAccepted: true,
    found: `builder ${builder} gives level ${finding.level}: ${finding.reason}`,
    expected: 'a builder of the policy with a higher level',
    ...entryFor(builder, finding),
  };
}

/** A rule without level names versions all the same: by `refs`, or in its id. */
function findingOf({ id, refs, level }: BuilderRule, byPlatform: LevelFinding): LevelFinding {
  if (level !== undefined) return { level, reason: 'the policy says so' };
  const isNamed = refs.length > 0 || splitBuilderId(id).ref !== undefined;
  return isNamed ? (byPlatform.whenNamed ?? byPlatform) : byPlatform;
}

/** A pull request is never offered: what is in it changes with every push, and anybody opens one. */
function entryFor(builder: string, { whenNamed }: LevelFinding): Pick<BuilderJudgement, 'entry'> {
  if (whenNamed === undefined) return {};
  const { name, ref = '' } = splitBuilderId(builder);
  const refs = ref.startsWith('refs/pull/') ? '>=1.0.0' : ref;
  const entry = `{id: ${JSON.stringify(name)}, refs: [${JSON.stringify(refs)}], level: ${whenNamed.level}}`;
  return { entry: `slsa.builders: [${entry}]` };
}

function bindBySigner(
  name: string,
  { builder: { id } }: Provenance,
  signerRefs: ReadonlySet<string>,
): Binding {
  const expected = `a signature of TrustedSigner "${name}"`;
  if (id === undefined) return { holds: false, found: 'no builder is named', expected };
  if (!signerRefs.has(name)) return { holds: false, found: 'signed by somebody else', expected };
  const entry = rosterEntry(id);
  if (entry === 'otherVersion') return { holds: true, builder: id, worth: unknownVersion(id) };
  return { holds: true, builder: id, worth: entry ?? NAMED_SIGNER };
}

interface VersionProblem {
  readonly found: string;
  readonly expected: string;
}

/** The rule's versions, else those of the roster for this builder, else any. */
function versionProblem(rule: BuilderRule, builder: string): VersionProblem | undefined {
  const { ref } = splitBuilderId(builder);
  const { ref: exact } = splitBuilderId(rule.id);
  const found = `builder ${builder} is of another version`;
  if (exact !== undefined) return ref === exact ? undefined : { found, expected: rule.id };
  if (rule.refs.length === 0) {
    return rosterEntry(builder) === 'otherVersion' ? { found, expected: 'a released version' } : undefined;
  }
  if (ref !== undefined && rule.refs.some((pattern) => pattern.matches(ref))) return undefined;
  return { found, expected: `${rule.id} at ${rule.refs.map(({ source }) => source).join(' or ')}` };
}

function unspoken(
  builder: string | undefined,
  { found, expected }: Extract<Binding, { holds: false }>,
): BuilderJudgement {
  const whose = builder === undefined ? 'no builder is named' : `builder ${builder} did not sign it`;
  return { level: 1, builder, maySpeak: false, isAccepted: false, found: `${whose}: ${found}`, expected };
}

function unlisted(
  builders: readonly BuilderRule[],
  provenance: Provenance,
  binding: Binding,
): BuilderJudgement {
  const builder = binding.holds ? binding.builder : provenance.builder.id;
  const names = builders.slice(0, SHOWN_BUILDERS).map(({ id }) => id);
  if (builders.length > SHOWN_BUILDERS) names.push(`${builders.length - SHOWN_BUILDERS} more`);
  return {
    level: 1,
    builder,
    maySpeak: binding.holds,
    isAccepted: false,
    found: `${builder === undefined ? 'no builder' : `builder ${builder}`} is not among ${names.join(', ')}`,
    expected: 'one of these',
  };
}

function cap({ platform }: Provenance, judgement: BuilderJudgement): BuilderJudgement {
  if (platform !== 'buildkit' || judgement.level <= BUILDKIT_LEVEL) return judgement;
  return {
    ...judgement,
    level: BUILDKIT_LEVEL,
    found: "BuildKit's own provenance is evidence of level 1 only",
    expected: 'provenance of the platform that ran it',
  };
}

function worth({ isAccepted, maySpeak, level }: BuilderJudgement): number {
  return (isAccepted ? 8 : 0) + (maySpeak ? 4 : 0) + level;
}
