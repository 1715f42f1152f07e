import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fault, Refusal } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { DigestFact, ImageFacts } from '../policy/image-facts.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { FaultReason } from '../policy/verdict.ts';
import { needsManifest, type Artifact, type TrustContext } from '../sigstore/verify.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import type { Fact, FactCache } from './fact-cache.ts';
import type { Discovery, ImageSource } from './ports.ts';

export interface Gathered {
  readonly facts: ImageFacts;
  /** True when the registry was not asked for the evidence this time. */
  readonly remembered: boolean;
}

export interface Sources {
  readonly images: ImageSource;
  readonly facts: FactCache;
}

/** A tag's digest: asked once per review, and used for everything that follows. */
export async function digestFact(
  reference: ImageReference,
  images: ImageSource,
  signal: AbortSignal,
): Promise<DigestFact> {
  if (reference.digest !== undefined) return { kind: 'known', digest: reference.digest };
  try {
    return { kind: 'known', digest: await orAborted(images.resolve(reference, signal), reference, signal) };
  } catch (error) {
    if (error instanceof Refusal) {
      return { kind: 'refused', violation: { code: error.code, detail: error.message } };
    }
    return { kind: 'fault', fault: faultReason(faultOrThrow(error)) };
  }
}

/** Evidence → verified signatures, for every trust context that the policies name. Throws only for a defect. */
export async function gatherFacts(
  reference: ImageReference,
  digest: DigestFact,
  policies: readonly CompiledPolicy[],
  { images, facts }: Sources,
  { fresh, signal }: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<Gathered> {
  const base = { image: reference.original, reference, digest };
  const contexts = contextsOf(policies);
  if (digest.kind !== 'known' || contexts.size === 0) {
    return { facts: { ...base, byContext: new Map(), refused: [], faults: [] }, remembered: false };
  }
  const discovery = await discover(reference, digest.digest, images, { fresh, signal });
  const faults = discovery.faults.map(faultReason);
  const artifact = await artifactFor(reference, digest.digest, discovery.evidence, images, signal, faults);
  const byContext = await verifyAll(discovery.evidence, contexts, artifact, facts, signal, faults);
  return {
    facts: { ...base, byContext, refused: discovery.refused, faults },
    remembered: discovery.remembered,
  };
}

/** Every root and key that one of the policies verifies with, once. */
function contextsOf(policies: readonly CompiledPolicy[]): ReadonlyMap<string, TrustContext> {
  return new Map(
    policies.flatMap(({ entries }) =>
      entries.usable.map(({ contextId, context }) => [contextId, context] as const),
    ),
  );
}

async function discover(
  reference: ImageReference,
  digest: string,
  images: ImageSource,
  options: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<Discovery> {
  try {
    return await orAborted(images.discover(reference, digest, options), reference, options.signal);
  } catch (error) {
    return { evidence: [], refused: [], faults: [faultOrThrow(error)], remembered: false };
  }
}

/** The manifest's bytes, only where some evidence is a signature over them. */
async function artifactFor(
  reference: ImageReference,
  digest: string,
  evidence: readonly Evidence[],
  images: ImageSource,
  signal: AbortSignal,
  faults: FaultReason[],
): Promise<Artifact | undefined> {
  if (!evidence.some(needsManifest)) return undefined;
  try {
    return {
      digest,
      manifest: await orAborted(images.manifest(reference, digest, signal), reference, signal),
    };
  } catch (error) {
    faults.push(faultReason(faultOrThrow(error)));
    return undefined;
  }
}

async function verifyAll(
  evidence: readonly Evidence[],
  contexts: ReadonlyMap<string, TrustContext>,
  artifact: Artifact | undefined,
  cache: FactCache,
  signal: AbortSignal,
  faults: FaultReason[],
): Promise<ReadonlyMap<string, readonly Fact[]>> {
  const byContext = new Map<string, Fact[]>();
  for (const [id, context] of contexts) {
    const known: Fact[] = [];
    byContext.set(id, known);
    for (const piece of evidence) {
      const bytes = needsManifest(piece) ? artifact : undefined;
      // Without the manifest nothing can be said of a signature over it; the fault is among the others.
      if (needsManifest(piece) && bytes === undefined) continue;
      const fact = cache.known(piece, context, bytes);
      if (fact !== undefined) {
        known.push(fact);
        continue;
      }
      if (signal.aborted) {
        faults.push({ code: 'TIMEOUT', detail: 'the deadline passed before every signature was verified' });
        return byContext;
      }
      known.push(cache.verify(piece, context, bytes));
      // Verification is milliseconds of CPU: warm answers must not wait behind fifty of them.
      await nextTurn();
    }
  }
  return byContext;
}

/** Whatever a port does, the review answers by its deadline. */
function orAborted<T>(work: Promise<T>, { registry }: ImageReference, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void =>
      reject(new Fault('TIMEOUT', `registry ${registry} did not answer before the deadline of the review`));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Anything else is a defect of ours, which stops the whole review: `validate.ts` denies it and tells the log. */
function faultOrThrow(error: unknown): Fault {
  if (error instanceof Fault) return error;
  throw error;
}

function faultReason({ code, message }: Fault): FaultReason {
  return { code, detail: message };
}
