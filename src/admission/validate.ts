import type { AdmissionRequest } from '../api/admission-review.ts';
import { asError, Fault, Refusal } from '../errors.ts';
import { withoutDigest } from '../image/reference.ts';
import { placeOf, type WorkloadImage } from '../image/workload.ts';
import { admitted, decide, deniedByFault, deniedByViolation, type Asked } from '../policy/decide.ts';
import type { Decision } from '../policy/decision.ts';
import { exceptionFor, exceptionsInForce, type ExceptionInForce } from '../policy/exception.ts';
import { actionOnNoMatch, policiesForSubject, type NoMatch, type Subject } from '../policy/matching.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Outcome, Verdict } from '../policy/verdict.ts';
import type { Sources } from './gather-facts.ts';
import { judgeImage, parseOrProblem, type Surroundings } from './judge-image.ts';
import { once } from './once.ts';
import type { NamespaceSource, SnapshotSource } from './ports.ts';
import { workloadOf } from './workload.ts';

export interface ValidateDependencies extends Sources {
  readonly snapshots: SnapshotSource;
  readonly namespaces: NamespaceSource;
  readonly noMatch: NoMatch;
  /** False while anybody can ask: what only a pull secret can see is then not told. */
  readonly knowsWhoAsks: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of what nobody expected, with its cause. */
  readonly onDefect: (error: Error, asked: Asked) => void;
}

/** One review, decided. Never rejects: this is the one place where whatever goes wrong becomes a denial. */
export async function validate(
  request: AdmissionRequest,
  dependencies: ValidateDependencies,
  signal: AbortSignal,
): Promise<Decision> {
  const asked = askedBy(request);
  try {
    return await decideReview(request, asked, dependencies, signal);
  } catch (error) {
    if (error instanceof Refusal) {
      return deniedByViolation(asked, { code: 'REVIEW_INVALID', detail: error.message });
    }
    if (error instanceof Fault) return deniedByFault(asked, error);
    dependencies.onDefect(asError(error), asked);
    return deniedByFault(
      asked,
      new Fault('INTERNAL', 'an internal error stopped the review', { cause: error }),
    );
  }
}

/** AdmissionReview → images → policies → digest → evidence → verified signatures → verdicts → decision (design §3). */
async function decideReview(
  request: AdmissionRequest,
  asked: Asked,
  dependencies: ValidateDependencies,
  signal: AbortSignal,
): Promise<Decision> {
  const workload = workloadOf(request);
  // Labels, finalizers, replicas: what brings in no image needs no policy, so it passes even while nothing is synchronised.
  if (workload.images.length === 0) return admitted(asked, undefined);
  const snapshot = dependencies.snapshots.current();
  const subject = await subjectOf(request, workload.labels, snapshot, dependencies.namespaces, signal);
  const policies = policiesForSubject(snapshot, subject);
  const now = dependencies.now();
  const exceptions = exceptionsInForce(snapshot, request.namespace, now);
  const surroundings: Surroundings = {
    sources: dependencies,
    circumstances: { now, isPod: workload.isPod },
    exceptions,
    puller: { namespace: request.namespace, ...workload.access },
    signal,
  };
  const judge = once((image: string) => judgeImage(image, policies, surroundings));

  const notes: string[] = [];
  const images = await Promise.all(
    workload.images.map(async (image) => {
      const { verdicts, digest, isPrivate } = await judge(image.image);
      const uncovered = unmatched(image, verdicts, snapshot, subject, dependencies.noMatch, notes).map(
        (verdict) => exceptedFromNoMatch(image, verdict, exceptions),
      );
      const place = placeOf(image);
      return {
        image: image.image,
        field: image.field,
        place,
        digest,
        isPrivate: isPrivate && !dependencies.knowsWhoAsks,
        verdicts: [...verdicts, ...uncovered],
      };
    }),
  );
  return decide(asked, snapshot, images, notes);
}

/** What every answer to a request repeats. */
export function askedBy(request: AdmissionRequest): Asked {
  const { uid, operation, dryRun, namespace, name, kind, userInfo } = request;
  return { uid, operation, dryRun, object: { kind: kind.kind, namespace, name }, user: userInfo.username };
}

/** Labels of the namespace are asked for only where some policy selects by them. */
export async function subjectOf(
  { namespace }: AdmissionRequest,
  workloadLabels: Readonly<Record<string, string>>,
  snapshot: Snapshot,
  namespaces: NamespaceSource,
  signal: AbortSignal,
): Promise<Subject> {
  const selects = snapshot.policies.some(({ policy }) => policy.match.namespaceSelector !== undefined);
  const namespaceLabels = selects ? await labelsOrFault(namespace, namespaces, signal) : {};
  return { namespace, namespaceLabels, workloadLabels };
}

async function labelsOrFault(
  namespace: string,
  namespaces: NamespaceSource,
  signal: AbortSignal,
): Promise<Subject['namespaceLabels']> {
  try {
    return await namespaces.labels(namespace, signal);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/**
 * Whether an enforcing cluster policy covers the image. Where the namespace's labels cannot be read every policy judges it, and one
 * that selects by them covers it only if it is met wherever it may be denied: what another namespace's policy takes would run here as well.
 */
function coverageOf(
  verdicts: readonly Verdict[],
  { policies }: Snapshot,
  { namespaceLabels }: Subject,
  noMatch: NoMatch,
): 'covered' | 'uncovered' | Fault {
  const names = new Set(
    verdicts.flatMap(({ policy, mode }) =>
      policy?.kind === 'ClusterSigningPolicy' && mode === 'Enforce' ? [policy.name] : [],
    ),
  );
  if (names.size === 0) return 'uncovered';
  if (!(namespaceLabels instanceof Fault)) return 'covered';
  const enforcing = policies
    .map(({ policy }) => policy)
    .filter(({ kind, mode }) => kind === 'ClusterSigningPolicy' && mode === 'Enforce');
  const isCertain = enforcing.some(
    ({ name, match }) => names.has(name) && match.namespaceSelector === undefined,
  );
  // Whichever of them governs the namespace covers the image as well.
  const coversWhereGoverned =
    noMatch !== 'Deny' &&
    enforcing.every(({ name, match }) => names.has(name) || match.namespaceSelector === undefined);
  return isCertain || coversWhereGoverned ? 'covered' : namespaceLabels;
}

/**
 * No policy covers the image: the installation's settings decide. Only an enforcing cluster policy covers an image: what a tenant
 * adds, and what only warns or records, must not take away a denial that was there without it.
 */
function unmatched(
  { image }: WorkloadImage,
  verdicts: readonly Verdict[],
  snapshot: Snapshot,
  subject: Subject,
  noMatch: NoMatch,
  notes: string[],
): readonly Verdict[] {
  const coverage = coverageOf(verdicts, snapshot, subject, noMatch);
  if (coverage === 'covered') return [];
  const uncovered = actionOnNoMatch(noMatch, snapshot, subject);
  const action = uncovered === 'deny' && coverage instanceof Fault ? coverage : uncovered;
  if (action === 'allow') return [];
  if (action === 'warn') {
    if (verdicts.length === 0) notes.push(`Image ${withoutDigest(image)} is covered by no signing policy`);
    return [];
  }
  const outcome: Outcome =
    action === 'deny'
      ? {
          kind: 'violated',
          violations: [
            {
              code: 'NO_POLICY',
              detail: `namespace ${subject.namespace} admits only images that an enforcing ClusterSigningPolicy covers`,
            },
          ],
        }
      : { kind: 'faulted', faults: [{ code: action.code, detail: action.message }] };
  return [{ policy: undefined, mode: 'Enforce', outcome }];
}

/** Whatever the labels of the namespace are: an exception is for it by its name. */
function exceptedFromNoMatch(
  { image }: WorkloadImage,
  verdict: Verdict,
  exceptions: readonly ExceptionInForce[],
): Verdict {
  const facts = { reference: parseOrProblem(image), ...NOTHING_LOOKED_AT };
  const exception = exceptionFor(verdict, undefined, facts, exceptions);
  return exception === undefined ? verdict : { ...verdict, exception };
}

const NOTHING_LOOKED_AT = { digest: { kind: 'unasked' }, platforms: { kind: 'none' } } as const;
