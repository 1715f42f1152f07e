import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fault, Refusal } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { DigestFact, ImageFacts } from '../policy/image-facts.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { FaultReason } from '../policy/verdict.ts';
import { needsManifest, type Artifact, type TrustContext } from '../sigstore/verify.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
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
  const refused = [...discovery.refused];
  const faults = discovery.faults.map(faultReason);
  const turns = new Turns(signal, faults);
  const pieces: Piece[] = [];
  for (const evidence of discovery.evidence) {
    if (await turns.expired()) break;
    pieces.push({ evidence, overManifest: needsManifest(evidence) });
  }
  const artifact = pieces.some(({ overManifest }) => overManifest)
    ? await artifactFor(reference, digest.digest, images, signal, { refused, faults })
    : undefined;
  const byContext = await verifyAll(pieces, contexts, artifact, facts, turns);
  return { facts: { ...base, byContext, refused, faults }, remembered: discovery.remembered };
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
  images: ImageSource,
  signal: AbortSignal,
  known: { readonly refused: RefusedEvidence[]; readonly faults: FaultReason[] },
): Promise<Artifact | undefined> {
  try {
    const manifest = await orAborted(images.manifest(reference, digest, signal), reference, signal);
    return { digest, manifest };
  } catch (error) {
    // A manifest that cannot be read spoils the signatures over it, and nothing else of the review.
    if (error instanceof Refusal) {
      known.refused.push({ source: 'the manifest of the image', code: error.code, detail: error.message });
    } else {
      known.faults.push(faultReason(faultOrThrow(error)));
    }
    return undefined;
  }
}

/** One piece of evidence, and whether it is a signature over the manifest itself. */
interface Piece {
  readonly evidence: Evidence;
  readonly overManifest: boolean;
}

async function verifyAll(
  pieces: readonly Piece[],
  contexts: ReadonlyMap<string, TrustContext>,
  artifact: Artifact | undefined,
  cache: FactCache,
  turns: Turns,
): Promise<ReadonlyMap<string, readonly Fact[]>> {
  const byContext = new Map<string, Fact[]>();
  for (const [id, context] of contexts) {
    const facts: Fact[] = [];
    byContext.set(id, facts);
    for (const { evidence, overManifest } of pieces) {
      const bytes = overManifest ? artifact : undefined;
      // Without the manifest nothing can be said of a signature over it; the reason is told beside.
      if (overManifest && bytes === undefined) continue;
      if (await turns.expired()) return byContext;
      facts.push(cache.known(evidence, context, bytes) ?? cache.verify(evidence, context, bytes));
    }
  }
  return byContext;
}

/** Milliseconds of work on this thread after which the others have a turn: warm answers must not wait behind cold ones. */
const TURN_MILLISECONDS = 2;

/** Lets the event loop turn between pieces of CPU work, and ends the work at the deadline. */
class Turns {
  readonly #signal: AbortSignal;
  readonly #faults: FaultReason[];
  #started = performance.now();

  constructor(signal: AbortSignal, faults: FaultReason[]) {
    this.#signal = signal;
    this.#faults = faults;
  }

  /** To be asked before each piece of work. When true, the fault is among the others already. */
  async expired(): Promise<boolean> {
    if (performance.now() - this.#started > TURN_MILLISECONDS) {
      await nextTurn();
      this.#started = performance.now();
    }
    if (!this.#signal.aborted) return false;
    this.#faults.push({ code: 'TIMEOUT', detail: 'the deadline passed before every signature was verified' });
    return true;
  }
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
