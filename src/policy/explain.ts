import { imageName } from '../image/reference.ts';
import { slsaContexts } from './compiled-slsa.ts';
import { explainEvidence, type Examinable } from './explain-evidence.ts';
import { explainProvenance } from './explain-provenance.ts';
import { expectationOf } from './expectation.ts';
import type {
  EntryExplanation,
  Explanation,
  PolicyExplanation,
  ReasonExplanation,
  SignerExplanation,
  SubjectExplanation,
  VerdictKind,
} from './explanation.ts';
import type { FoundFacts, ImageFacts } from './image-facts.ts';
import { field, headline, nextStep } from './message.ts';
import { describeIdentity, entriesAt, type ExpandedEntries } from './signer-entry.ts';
import type { CompiledPolicy } from './snapshot.ts';
import type { FaultReason, MatchedSigner, Outcome, Verdict, Violation } from './verdict.ts';

/** One image with the verdict of each policy, and what the verdict rests on. */
export interface Explainable {
  /** As the user wrote it. */
  readonly image: string;
  readonly digest: string | undefined;
  readonly examined: readonly Examined[];
}

interface Examined {
  readonly compiled: CompiledPolicy;
  readonly facts: ImageFacts;
  readonly verdict: Verdict;
}

export interface ExplainOptions {
  /** Also what statements say of themselves. */
  readonly statements?: boolean;
}

/**
 * Tells why. Nothing is verified again, and each piece of evidence is held against the entries by the very function that the verdict
 * was made with, so that the two cannot differ.
 * @param now milliseconds since the epoch: the moment of the verdicts
 */
export function explain(
  explainable: Explainable,
  now: number,
  { statements = false }: ExplainOptions = {},
): Explanation {
  const { image, digest, examined } = explainable;
  const policies =
    examined.length === 0
      ? [uncovered(explainable)]
      : examined.map((each) => explainPolicy(explainable, each, { now, statements }));
  return { image, digest, verdict: worstOf(policies.map(({ verdict }) => verdict)), policies };
}

/** Across policies and images violated > faulted > verified. */
export function worstOf(verdicts: readonly VerdictKind[]): VerdictKind {
  if (verdicts.includes('violated')) return 'violated';
  return verdicts.includes('faulted') ? 'faulted' : 'verified';
}

/** An image that no policy covers is vouched for by nobody. */
function uncovered(image: Explainable): PolicyExplanation {
  const outcome: Outcome = {
    kind: 'violated',
    violations: [{ code: 'NO_POLICY', detail: 'none of the policies is about this image' }],
  };
  const verdict: Verdict = { policy: undefined, mode: 'Enforce', outcome };
  return { ...explainVerdict(image, verdict), expected: undefined, trustedKeys: [], subjects: [] };
}

/** What is told, and as of when (milliseconds since the epoch). */
interface Telling {
  readonly now: number;
  readonly statements: boolean;
}

function explainPolicy(
  image: Explainable,
  { compiled, facts, verdict }: Examined,
  telling: Telling,
): PolicyExplanation {
  const { now } = telling;
  const { rules } = compiled.policy;
  const entries = entriesAt(compiled.entries, now);
  const asks = rules?.requireSignature === true;
  const asksStatements = compiled.slsa !== undefined || compiled.attestations.length > 0;
  const expected = expectationOf(compiled, verdict.outcome);
  return {
    ...explainVerdict(image, verdict),
    expected: expected === undefined ? undefined : field(expected),
    trustedKeys: asks ? explainEntries(entries) : [],
    subjects:
      rules !== undefined && (asks || asksStatements)
        ? subjectsOf(
            facts,
            { rules, entries: asks ? entries.usable : [], statements: statementsOf(compiled), now },
            (digest, found) => provenanceOf(compiled, facts, { digest, found }, telling),
          )
        : [],
  };
}

function statementsOf({ slsa, attestations }: CompiledPolicy): Examinable['statements'] {
  const entries = attestations.flatMap((attestation) => attestation.entries.usable);
  return {
    contexts: [
      ...(slsa === undefined ? [] : slsaContexts(slsa)),
      ...entries.flatMap(({ contexts }) => contexts),
    ],
    types: attestations.map(({ demand }) => demand.predicateType),
  };
}

/** Undefined where the policy asks for none. */
function provenanceOf(
  { slsa, policy: { rules } }: CompiledPolicy,
  { reference }: ImageFacts,
  { digest, found }: { readonly digest: string; readonly found: FoundFacts },
  telling: Telling,
): SubjectExplanation['provenance'] {
  if (slsa === undefined || rules === undefined) return undefined;
  const image = { name: 'problem' in reference ? '' : imageName(reference), digest };
  return explainProvenance({ compiled: slsa, rules, image, found, ...telling });
}

function explainVerdict(
  image: Explainable,
  verdict: Verdict,
): Omit<PolicyExplanation, 'expected' | 'trustedKeys' | 'subjects'> {
  const { policy, mode, outcome, exception } = verdict;
  const next = nextStep(image, verdict);
  return {
    policy,
    mode,
    verdict: outcome.kind,
    ...(exception !== undefined && {
      exception: { name: field(exception.name), expiresAt: new Date(exception.expiresAt).toISOString() },
    }),
    headline: headline(image, verdict),
    signers: outcome.kind === 'verified' ? outcome.signers.map(explainSigner) : [],
    reasons: reasonsOf(outcome),
    warnings: outcome.kind === 'verified' ? outcome.warnings.map(field) : [],
    next: next === '' ? undefined : next,
  };
}

function explainSigner({ entry, identity, issuer, signedAt }: MatchedSigner): SignerExplanation {
  return {
    entry: field(entry),
    identity: field(identity),
    issuer: issuer === undefined ? undefined : field(issuer),
    signedAt: signedAt === undefined ? undefined : new Date(signedAt).toISOString(),
  };
}

function reasonsOf(outcome: Outcome): readonly ReasonExplanation[] {
  if (outcome.kind === 'verified') return [];
  const reasons: readonly (Violation | FaultReason)[] =
    outcome.kind === 'violated' ? outcome.violations : outcome.faults;
  return reasons.map(shown);
}

function explainEntries({ usable, unavailable, unusable }: ExpandedEntries): readonly EntryExplanation[] {
  return [
    ...usable.map(({ label, identity }) => explainEntry(label, 'usable', describeIdentity(identity))),
    ...unavailable.map(({ label, fault }) => explainEntry(label, 'unavailable', fault.detail)),
    ...unusable.map(({ label, why }) => explainEntry(label, 'unusable', why)),
  ];
}

function explainEntry(label: string, state: EntryExplanation['state'], detail: string): EntryExplanation {
  return { entry: field(label), state, detail: field(detail) };
}

function subjectsOf(
  facts: ImageFacts,
  policy: Omit<Examinable, 'digest' | 'found'>,
  provenanceIn: (digest: string, found: FoundFacts) => SubjectExplanation['provenance'],
): readonly SubjectExplanation[] {
  const { digest, platforms, parent } = facts;
  if (digest.kind !== 'known') return [];
  const subject = (
    role: SubjectExplanation['role'],
    of: string,
    found: FoundFacts,
    platform?: string,
  ): SubjectExplanation => {
    const provenance = provenanceIn(of, found);
    return {
      role,
      digest: of,
      platform: platform === undefined ? undefined : field(platform),
      evidence: explainEvidence({ ...policy, digest: of, found }),
      ...(provenance !== undefined && { provenance }),
      faults: found.faults.map(shown),
    };
  };
  return [
    subject('image', digest.digest, facts),
    ...(parent.kind === 'known' ? [subject('index', parent.digest, parent)] : []),
    ...(platforms.kind === 'known'
      ? platforms.platforms.map((each) => subject('platform', each.digest, each, each.platform))
      : []),
  ];
}

/** Code and detail, and nothing else that a violation carries. */
function shown<C>({ code, detail }: { readonly code: C; readonly detail: string }): {
  readonly code: C;
  readonly detail: string;
} {
  return { code, detail: field(detail) };
}
