import type { Mode } from '../api/resources.ts';
import type { Fault } from '../errors.ts';
import type { Decision, ImageVerdicts } from './decision.ts';
import { expectationOf } from './expectation.ts';
import {
  denialMessage,
  describePolicy,
  exceptionWarning,
  field,
  headline,
  warning,
  type Refusing,
} from './message.ts';
import { redacted } from './private-image.ts';
import type { CompiledPolicy, Snapshot } from './snapshot.ts';
import type { PolicyIdentity, ProvenanceFinding, Verdict, Violation } from './verdict.ts';

/** Who asked for what; what every decision repeats. */
export type Asked = Pick<Decision, 'uid' | 'operation' | 'dryRun' | 'object' | 'user'>;

/** At most this many warnings in one answer: the API server cuts all of them together at 4 KiB. */
const MAX_WARNINGS = 20;
/** Bound of one audit annotation. */
const MAX_AUDIT_CHARS = 4096;

/** Verdicts in, decision out: AND over all images and all matching policies, each policy with its own mode. */
export function decide(
  asked: Asked,
  snapshot: Snapshot | undefined,
  images: readonly ImageVerdicts[],
  notes: readonly string[],
): Decision {
  const shown = images.map(redacted);
  const refusing = shown
    .flatMap((image) => image.verdicts.map((verdict) => ({ image, verdict })))
    .filter(({ verdict }) => verdict.outcome.kind !== 'verified')
    .sort((a, b) => severity(a.verdict) - severity(b.verdict))
    .map(({ image, verdict }) => ({ image, verdict, expected: expected(verdict, snapshot) }));
  const denying = refusing.filter(
    ({ verdict }) => verdict.mode === 'Enforce' && verdict.exception === undefined,
  );
  const allowed = denying.length === 0;
  const verified = shown.filter(isVerified);
  const message = allowed ? '' : denialMessage(denying, verified);
  return {
    ...asked,
    allowed,
    code: allowed ? 200 : denying.some(isViolated) ? 403 : 503,
    message,
    codes: codesOf(allowed ? refusing : denying),
    warnings: warningsOf(refusing, shown, notes),
    auditAnnotations: auditAnnotations(snapshot, shown, allowed),
    images,
    snapshot: snapshot?.number,
  };
}

/** For objects with nothing to verify: no image, no changed image, a DELETE. */
export function admitted(asked: Asked, snapshot: Snapshot | undefined): Decision {
  return decide(asked, snapshot, [], []);
}

/** For a review that cannot be decided at all: the answer is no, and the code says that nobody could tell. */
export function deniedByFault(asked: Asked, fault: Fault): Decision {
  const subject = `${asked.object.kind} ${asked.object.namespace}/${asked.object.name}`;
  return {
    ...asked,
    allowed: false,
    code: 503,
    message: `${subject} could not be verified: ${fault.message} [${fault.code}]\n  next:      try again; if it stays, tell the administrators of Countersign`,
    codes: [fault.code],
    warnings: [],
    auditAnnotations: { outcome: 'denied', codes: fault.code },
    images: [],
    snapshot: undefined,
  };
}

/** For an object that is not of its kind's shape. */
export function deniedByViolation(asked: Asked, violation: Violation): Decision {
  return {
    ...asked,
    allowed: false,
    code: 403,
    message: `${asked.object.kind} ${asked.object.namespace}/${asked.object.name} is refused: ${violation.detail} [${violation.code}]\n  next:      correct the object`,
    codes: [violation.code],
    warnings: [],
    auditAnnotations: { outcome: 'denied', codes: violation.code },
    images: [],
    snapshot: undefined,
  };
}

/** Across policies violated > faulted > verified: the worst news is told first. */
function severity({ outcome, mode }: Verdict): number {
  const byOutcome = outcome.kind === 'violated' ? 0 : 1;
  return byOutcome * 10 + MODE_ORDER[mode];
}

const MODE_ORDER: Readonly<Record<Mode, number>> = { Enforce: 0, Warn: 1, Audit: 2 };

function isViolated({ verdict }: Refusing): boolean {
  return verdict.outcome.kind === 'violated';
}

function isVerified({ verdicts }: ImageVerdicts): boolean {
  return verdicts.length > 0 && verdicts.every(({ outcome }) => outcome.kind === 'verified');
}

function expected({ policy, outcome }: Verdict, snapshot: Snapshot | undefined): string | undefined {
  const compiled = snapshot?.policies.find((candidate) => samePolicy(candidate, policy));
  return compiled === undefined ? undefined : expectationOf(compiled, outcome);
}

function samePolicy({ policy }: CompiledPolicy, identity: PolicyIdentity | undefined): boolean {
  return (
    identity !== undefined &&
    policy.kind === identity.kind &&
    policy.namespace === identity.namespace &&
    policy.name === identity.name
  );
}

function codesOf(refusing: readonly Refusing[]): readonly string[] {
  const codes = refusing.map(({ verdict: { outcome } }) => {
    if (outcome.kind === 'violated') return outcome.violations[0].code;
    return outcome.kind === 'faulted' ? outcome.faults[0].code : undefined;
  });
  return [...new Set(codes.filter((code) => code !== undefined))];
}

/** Warn speaks to the user, Audit only to the log; a verified image may come with a remark of its own. */
function warningsOf(
  refusing: readonly Refusing[],
  images: readonly ImageVerdicts[],
  notes: readonly string[],
): readonly string[] {
  const warned = refusing
    .filter(({ verdict }) => verdict.mode === 'Warn')
    .map(({ image, verdict }) => `${headline(image, verdict)} (${describePolicy(verdict.policy)}, Warn)`);
  const remarks = images
    .flatMap(({ verdicts }) => verdicts)
    .flatMap(({ outcome }) => (outcome.kind === 'verified' ? outcome.warnings : []));
  // First: what is cut off at the end must not be that the glass is broken.
  const excepted = refusing.flatMap(({ image, verdict }) => exceptionWarning(image, verdict) ?? []);
  return [...new Set([...excepted, ...warned, ...remarks, ...notes].map(warning))].slice(0, MAX_WARNINGS);
}

function auditAnnotations(
  snapshot: Snapshot | undefined,
  images: readonly ImageVerdicts[],
  allowed: boolean,
): Readonly<Record<string, string>> {
  const verdicts = images.flatMap((image) =>
    image.verdicts.map(({ policy, mode, outcome, exception }) => ({
      image: image.image,
      digest: image.digest,
      policy: policy?.name,
      mode,
      outcome: outcome.kind,
      ...(exception === undefined ? {} : { exception: exception.name }),
      ...(outcome.kind === 'violated' ? { codes: outcome.violations.map(({ code }) => code) } : {}),
      ...(outcome.kind === 'faulted' ? { codes: outcome.faults.map(({ code }) => code) } : {}),
      ...(outcome.kind === 'verified' ? { signers: outcome.signers.map(({ identity }) => identity) } : {}),
      ...(outcome.kind === 'verified' && outcome.provenance !== undefined
        ? { provenance: shownProvenance(outcome.provenance) }
        : {}),
    })),
  );
  const exceptions = exceptionsOf(images);
  return {
    outcome: allowed ? 'admitted' : 'denied',
    ...(snapshot === undefined ? {} : { snapshot: String(snapshot.number) }),
    // On its own: a long list of verdicts is cut.
    ...(exceptions.length === 0 ? {} : { exceptions: exceptions.join(' ').slice(0, MAX_AUDIT_CHARS) }),
    ...(verdicts.length === 0 ? {} : { verdicts: boundedJson(verdicts) }),
  };
}

/** Names of the exceptions that something was not denied because of; no duplicates. */
export function exceptionsOf(images: readonly ImageVerdicts[]): readonly string[] {
  const names = images.flatMap(({ verdicts }) => verdicts.flatMap(({ exception }) => exception?.name ?? []));
  return [...new Set(names)].sort();
}

/** Level, builder, source and ref; the statement itself says the rest. */
function shownProvenance({ level, builder, source, ref }: ProvenanceFinding): object {
  return {
    level,
    ...(builder !== undefined && { builder: field(builder) }),
    ...(source !== undefined && { source: field(source) }),
    ...(ref !== undefined && { ref: field(ref) }),
  };
}

/** As many verdicts as fit: half a JSON text would be of no use. */
function boundedJson(verdicts: readonly object[]): string {
  const kept: object[] = [];
  let length = 2;
  for (const verdict of verdicts) {
    length += JSON.stringify(verdict).length + 1;
    if (length > MAX_AUDIT_CHARS) break;
    kept.push(verdict);
  }
  return JSON.stringify(kept);
}
