import type { AdmissionRequest } from '../api/admission-review.ts';
import { Fault, Refusal } from '../errors.ts';
import { parseImageReference, pinned } from '../image/reference.ts';
import type { WorkloadImage } from '../image/workload.ts';
import { policiesForImage, policiesForSubject } from '../policy/matching.ts';
import { digestFact } from './gather-facts.ts';
import { once } from './once.ts';
import { orAborted } from './port-answer.ts';
import { subjectOf, type ValidateDependencies } from './validate.ts';
import { workloadOf } from './workload.ts';

/** RFC 6902. */
export interface JsonPatchOperation {
  readonly op: 'replace';
  readonly path: string;
  readonly value: string;
}

export interface Mutation {
  readonly patch: readonly JsonPatchOperation[];
}

/**
 * Pins the images of a Pod that an Enforce policy covers to the digest that their tags name now. It verifies and denies
 * nothing: whatever goes wrong leaves the tag, and validation judges what comes out.
 */
export async function mutate(
  request: AdmissionRequest,
  dependencies: ValidateDependencies,
  signal: AbortSignal,
): Promise<Mutation> {
  const { isPod, images, labels, access } = workloadOf(request);
  if (!isPod || images.length === 0) return { patch: [] };
  const snapshot = dependencies.snapshots.current();
  const subject = await subjectOf(request, labels, snapshot, dependencies.namespaces, signal);
  const puller = { namespace: request.namespace, ...access };
  const enforcing = policiesForSubject(snapshot, subject).filter(({ policy }) => policy.mode === 'Enforce');

  const pinnedImage = once(async (image: string): Promise<string | undefined> => {
    const reference = parseOrUndefined(image);
    if (reference === undefined || reference.digest !== undefined) return undefined;
    if (policiesForImage(enforcing, reference).length === 0) return undefined;
    const digest = await digestFact(reference, dependencies.images, { puller, signal });
    if (digest.kind !== 'known') return undefined;
    // A digest is written into an object only where its manifest was read and is one.
    const reading = dependencies.images.manifest(reference, digest.digest, { puller, signal });
    return (await isAnswered(orAborted(reading, reference, signal)))
      ? pinned(reference, digest.digest)
      : undefined;
  });
  const operations = await Promise.all(
    images.map(async (image): Promise<readonly JsonPatchOperation[]> => {
      const value = await pinnedImage(image.image);
      return value === undefined ? [] : [{ op: 'replace', path: pointer(image), value }];
    }),
  );
  return { patch: operations.flat() };
}

async function isAnswered(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof Refusal || error instanceof Fault) return false;
    throw error;
  }
}

function parseOrUndefined(image: string): ReturnType<typeof parseImageReference> | undefined {
  try {
    return parseImageReference(image);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** RFC 6901: `spec.containers[0].image` → `/spec/containers/0/image`. The path is our own: it holds no name of a user's. */
function pointer({ field }: WorkloadImage): string {
  return `/${field.replaceAll(/\[(\d+)\]/g, '.$1').replaceAll('.', '/')}`;
}
