import type { AssessedImage } from '../admission/assess.ts';
import { signatureState, type SignatureState } from '../history/signature-state.ts';
import { explain } from '../policy/explain.ts';
import { field } from '../policy/message.ts';
import type { MatchedSigner, Outcome, PolicyIdentity, Verdict } from '../policy/verdict.ts';
import type { VerifyResult } from './schemas/verify.ts';

type Status = VerifyResult['status'];

const STATUS: Readonly<Record<Outcome['kind'], Status>> = {
  verified: 'verified',
  violated: 'failed',
  faulted: 'error',
};

/** Of several: a "no" is news that no "cannot tell" hides. */
export function worstStatus(statuses: readonly Status[]): Status {
  return (['failed', 'error'] as const).find((each) => statuses.includes(each)) ?? 'verified';
}

/** Of all images together; undefined = nothing is known yet. */
export function statusOf(results: readonly VerifyResult[]): Status | undefined {
  return results.length === 0 ? undefined : worstStatus(results.map(({ status }) => status));
}

/**
 * One image as the API tells of it. Whatever a policy's mode is, what it is not met by has failed; whether anything would be denied
 * for that is another question. Texts are escaped and bounded as in a denial.
 */
export function verifyResult(assessed: AssessedImage, withExplanation: boolean): VerifyResult {
  const { image, digest, examined, verdicts, at } = assessed;
  const outcomes = verdicts.map(({ outcome }) => outcome);
  const { found, valid } = bestOf(outcomes.map(signatureState));
  const status = worstStatus(outcomes.map(({ kind }) => STATUS[kind]));
  const signers = distinct(outcomes.flatMap((each) => (each.kind === 'verified' ? each.signers : [])));
  const signedAt = signers[0]?.signedAt;
  return {
    image,
    ...(digest !== undefined && { digest }),
    status,
    ...(found !== undefined && { signatureFound: found }),
    ...(valid !== undefined && { signatureValid: valid }),
    signers: signers.map(shownSigner),
    ...(signedAt !== undefined && { signedAt: new Date(signedAt).toISOString() }),
    ...provenanceOf(outcomes),
    reasons: verdicts.flatMap(reasonsOf),
    policies: verdicts.flatMap(({ policy }) => policyName(policy) ?? []),
    exceptions: [...new Set(verdicts.flatMap(({ exception }) => exception?.name ?? []))].map(field),
    ...(withExplanation && { explanation: explain({ image, digest, examined }, at) }),
  };
}

/** One policy may have found what another did not ask for. */
function bestOf(states: readonly SignatureState[]): SignatureState {
  return {
    found: best(states.map((each) => each.found)),
    valid: best(states.map((each) => each.valid)),
  };
}

function best(values: readonly (boolean | undefined)[]): boolean | undefined {
  return [true, false].find((each) => values.includes(each));
}

function distinct(signers: readonly MatchedSigner[]): readonly MatchedSigner[] {
  return [
    ...new Map(signers.map((signer) => [JSON.stringify([signer.entry, signer.identity]), signer])).values(),
  ];
}

function shownSigner({ entry, identity, issuer, signedAt }: MatchedSigner): VerifyResult['signers'][number] {
  return {
    entry: field(entry),
    identity: field(identity),
    ...(issuer !== undefined && { issuer: field(issuer) }),
    ...(signedAt !== undefined && { signedAt: new Date(signedAt).toISOString() }),
  };
}

/** The highest level that a policy which asks for provenance has verified. */
function provenanceOf(
  outcomes: readonly Outcome[],
): Pick<VerifyResult, 'slsaLevel' | 'slsaBuilder' | 'source' | 'sourceRef'> {
  const [highest] = outcomes
    .flatMap((outcome) => (outcome.kind === 'verified' ? (outcome.provenance ?? []) : []))
    .toSorted((a, b) => b.level - a.level);
  if (highest === undefined) return {};
  return {
    slsaLevel: highest.level,
    ...(highest.builder !== undefined && { slsaBuilder: field(highest.builder) }),
    ...(highest.source !== undefined && { source: field(highest.source) }),
    ...(highest.ref !== undefined && { sourceRef: field(highest.ref) }),
  };
}

function reasonsOf({ policy, outcome }: Verdict): VerifyResult['reasons'] {
  if (outcome.kind === 'verified') return [];
  const named = policyName(policy);
  const reasons = outcome.kind === 'violated' ? outcome.violations : outcome.faults;
  return reasons.map(({ code, detail }) => ({
    code,
    detail: field(detail),
    ...(named !== undefined && { policy: named }),
  }));
}

/** `ClusterSigningPolicy/name`, `SigningPolicy/namespace/name`; undefined = the installation's own rule. */
export function policyName(policy: PolicyIdentity | undefined): string | undefined {
  if (policy === undefined) return undefined;
  return [policy.kind, policy.namespace, policy.name].filter((part) => part !== undefined).join('/');
}
