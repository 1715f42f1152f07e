import { asError, Fault, Refusal } from '../errors.ts';
import { decide, type Asked } from '../policy/decide.ts';
import type { Decision } from '../policy/decision.ts';
import { exceptionsInForce, policyKey } from '../policy/exception.ts';
import { policiesForNamespace, type NoMatch } from '../policy/matching.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import type { Outcome, Verdict } from '../policy/verdict.ts';
import type { Sources } from './gather-facts.ts';
import { examineImage, type Examined, type Surroundings } from './judge-image.ts';
import { rulingOnNoMatch, type Installation } from './no-match.ts';
import type { NamespaceSource, Puller, SnapshotSource } from './ports.ts';
import { subjectOf } from './validate.ts';

export interface AssessDependencies extends Sources {
  readonly snapshots: SnapshotSource;
  readonly namespaces: NamespaceSource;
  readonly noMatch: NoMatch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of what nobody expected, with its cause. */
  readonly onDefect: (error: Error, image: string) => void;
}

/** What images are held against. */
export interface AssessmentScope {
  /** Where they would run: its policies, exceptions and pull secrets. Undefined: under every policy, with nobody's. */
  readonly namespace: string | undefined;
  /** Only this policy, as `policyKey` names it; undefined = all. */
  readonly policy: string | undefined;
}

/** One image that no workload brings in, judged. */
export interface AssessedImage {
  readonly image: string;
  readonly digest: string | undefined;
  /** True when a pull secret of the namespace was needed to see it. */
  readonly isPrivate: boolean;
  /** By policy; empty where nothing could be examined. */
  readonly examined: readonly Examined[];
  /** At least one. An exception is named, and changes no outcome. */
  readonly verdicts: readonly [Verdict, ...Verdict[]];
  /** Number of the snapshot that it was judged by; undefined = there was none. */
  readonly snapshot: Snapshot | undefined;
  /** Milliseconds since the epoch: the moment of the verdicts. */
  readonly at: number;
}

/** Judges one image of a scope. Never rejects: what goes wrong is a verdict with a code. */
export type Assess = (image: string, signal: AbortSignal) => Promise<AssessedImage>;

/**
 * Images that somebody asks about, through what the webhook would do with a template of theirs. Everything that is asked for in one
 * scope is judged by one snapshot. A `workloadSelector` counts as selecting: nobody said what the workload is.
 */
export async function openAssessment(
  scope: AssessmentScope,
  dependencies: AssessDependencies,
  signal: AbortSignal,
): Promise<Assess> {
  let opened: Opened;
  try {
    opened = await open(scope, dependencies, signal);
  } catch (error) {
    return async (image) => stopped(image, error, undefined, dependencies);
  }
  return async (image, until) => {
    try {
      return await assess(image, opened, dependencies, until);
    } catch (error) {
      return stopped(image, error, opened.snapshot, dependencies);
    }
  };
}

/** What would happen, in the words and codes of a review. */
export function decisionOn(asked: Asked, assessed: AssessedImage): Decision {
  const { image, digest, isPrivate, verdicts, snapshot } = assessed;
  return decide(asked, snapshot, [{ image, field: '', place: 'image', digest, isPrivate, verdicts }], []);
}

interface Opened {
  readonly snapshot: Snapshot;
  readonly candidates: readonly CompiledPolicy[];
  readonly puller: Puller;
  /** Undefined where nobody can say what the installation's rule would be, or was asked for. */
  readonly installation: Installation | undefined;
  readonly isNarrowed: boolean;
}

async function open(
  { namespace, policy: only }: AssessmentScope,
  { snapshots, namespaces, noMatch, now }: AssessDependencies,
  signal: AbortSignal,
): Promise<Opened> {
  const snapshot = snapshots.current();
  const isNarrowed = only !== undefined;
  const narrowed = (all: readonly CompiledPolicy[]) =>
    isNarrowed ? all.filter(({ policy }) => policyKey(policy) === only) : all;
  if (namespace === undefined) {
    const puller = { namespace: '', pullSecrets: [], serviceAccount: '' };
    const candidates = narrowed(snapshot.policies);
    return { snapshot, candidates, puller, installation: undefined, isNarrowed };
  }
  const subject = await subjectOf({ namespace }, {}, snapshot, namespaces, signal);
  const exceptions = exceptionsInForce(snapshot, namespace, now());
  return {
    snapshot,
    candidates: narrowed(policiesForNamespace(snapshot, subject)),
    puller: { namespace, pullSecrets: [], serviceAccount: 'default' },
    installation: { snapshot, subject, noMatch, exceptions },
    isNarrowed,
  };
}

async function assess(
  image: string,
  { snapshot, candidates, puller, installation, isNarrowed }: Opened,
  { images, facts, statements, large, noMatch, now }: AssessDependencies,
  signal: AbortSignal,
): Promise<AssessedImage> {
  const at = now();
  const surroundings: Surroundings = {
    sources: { images, facts, statements, large },
    circumstances: { now: at, isPod: false },
    exceptions: installation?.exceptions ?? [],
    puller,
    signal,
  };
  const { digest, isPrivate, examined } = await examineImage(image, candidates, surroundings);
  const judged = examined.map(({ verdict }) => verdict);
  const ruling =
    installation === undefined || isNarrowed ? 'allow' : rulingOnNoMatch(image, judged, installation);
  const all = typeof ruling === 'string' ? judged : [...judged, ruling];
  const [first = uncovered(ruling === 'warn', noMatch), ...rest] = all;
  return { image, digest, isPrivate, examined, verdicts: [first, ...rest], snapshot, at };
}

/** Nobody vouches for it, whatever the installation makes of that: only what is denied for it has the mode that denies. */
function uncovered(isWarned: boolean, noMatch: NoMatch): Verdict {
  const mode = noMatch === 'Deny' ? 'Enforce' : isWarned ? 'Warn' : 'Audit';
  const detail = 'none of the policies is about this image';
  return {
    policy: undefined,
    mode,
    outcome: { kind: 'violated', violations: [{ code: 'NO_POLICY', detail }] },
  };
}

/** What stops a review, as a verdict: with the same codes. */
function stopped(
  image: string,
  error: unknown,
  snapshot: Snapshot | undefined,
  { now, onDefect }: AssessDependencies,
): AssessedImage {
  const outcome = outcomeOf(error);
  if (!(error instanceof Refusal) && !(error instanceof Fault)) onDefect(asError(error), image);
  return {
    image,
    digest: undefined,
    isPrivate: false,
    examined: [],
    verdicts: [{ policy: undefined, mode: 'Enforce', outcome }],
    snapshot,
    at: now(),
  };
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Refusal) {
    return { kind: 'violated', violations: [{ code: 'REVIEW_INVALID', detail: error.message }] };
  }
  const fault =
    error instanceof Fault ? error : new Fault('INTERNAL', 'an internal error stopped the assessment');
  return { kind: 'faulted', faults: [{ code: fault.code, detail: fault.message }] };
}
