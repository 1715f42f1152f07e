import type { AdmissionRequest } from '../api/admission-review.ts';
import { asError, Fault, Refusal } from '../errors.ts';
import { withoutDigest } from '../image/reference.ts';
import { placeOf } from '../image/workload.ts';
import { admitted, decide, deniedByFault, deniedByViolation, type Asked } from '../policy/decide.ts';
import type { Decision } from '../policy/decision.ts';
import { exceptionsInForce } from '../policy/exception.ts';
import { policiesForSubject, type NoMatch, type Subject } from '../policy/matching.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Sources } from './gather-facts.ts';
import { judgeImage, type Surroundings } from './judge-image.ts';
import { rulingOnNoMatch, type Installation } from './no-match.ts';
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
  const installation: Installation = { snapshot, subject, noMatch: dependencies.noMatch, exceptions };
  const judge = once((image: string) => judgeImage(image, policies, surroundings));

  const notes: string[] = [];
  const images = await Promise.all(
    workload.images.map(async (image) => {
      const { verdicts, digest, isPrivate } = await judge(image.image);
      const ruling = rulingOnNoMatch(image.image, verdicts, installation);
      if (ruling === 'warn' && verdicts.length === 0) {
        notes.push(`Image ${withoutDigest(image.image)} is covered by no signing policy`);
      }
      const place = placeOf(image);
      return {
        image: image.image,
        field: image.field,
        place,
        digest,
        isPrivate: isPrivate && !dependencies.knowsWhoAsks,
        verdicts: typeof ruling === 'string' ? verdicts : [...verdicts, ruling],
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
  { namespace }: Pick<AdmissionRequest, 'namespace'>,
  workloadLabels: Readonly<Record<string, string>>,
  { policies }: Pick<Snapshot, 'policies'>,
  namespaces: NamespaceSource,
  signal: AbortSignal,
): Promise<Subject> {
  const selects = policies.some(({ policy }) => policy.match.namespaceSelector !== undefined);
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
