import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { ImageReference } from '../image/reference.ts';
import type { FoundFacts } from '../policy/image-facts.ts';
import { slsaContexts } from '../policy/compiled-slsa.ts';
import type { ExpandedEntries } from '../policy/signer-entry.ts';
import type { BoundContext } from '../policy/trust-binding.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { FaultReason } from '../policy/verdict.ts';
import { needsManifest, type Artifact, type TrustContext } from '../sigstore/verify.ts';
import type { Evidence, FoundEvidence, LargeEvidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import type { Fact, FactCache } from './fact-cache.ts';
import type { Question, Sources } from './gather-facts.ts';
import { addLarge } from './gather-large.ts';
import { faultOrThrow, faultReason, orAborted } from './port-answer.ts';
import type { Discovery, EvidenceAsk, ImageSource } from './ports.ts';
import { askOf, asksStatements, statementQuestions } from './statement-questions.ts';
import { Turns } from './turns.ts';

/** What is known of one digest, and how it came to be known. */
export interface GatheredDigest {
  readonly found: FoundFacts;
  readonly remembered: boolean;
  readonly withPullSecret: boolean;
}

/**
 * Looks for everything that says something about a digest, and verifies it in every trust context of the policies.
 * @param policies that look in the same places
 */
export async function gatherDigest(
  digest: string,
  policies: readonly CompiledPolicy[],
  question: Question,
  sources: Sources,
): Promise<GatheredDigest> {
  const { images, facts, statements } = sources;
  const places = placesOf(policies);
  const what = { attestations: asksStatements(policies), ask: askOf(policies) };
  const discovery = await discoverEverywhere(digest, places, { ...question, ...what }, images);
  const refused = [...discovery.refused];
  const faults = discovery.faults.map(faultReason);
  const turns = new Turns(question.signal, faults);
  const contexts = contextsOf(policies);
  const { held, large } = bySize(verifiable(discovery.evidence, contexts.size, refused));
  const pieces = await piecesOf(held, turns);
  const artifact = pieces.some(({ overManifest }) => overManifest)
    ? await artifactFor(digest, question, images, { refused, faults })
    : undefined;
  const ask = statementQuestions(policies, digest);
  const answer = (fact: Fact, evidence: Evidence, contextId: string): Fact =>
    'code' in fact ? fact : statements.answer(fact, evidence, ask(fact, contextId));
  const byContext = await verifyAll(pieces, contexts, { artifact, facts, answer }, turns);
  const asking = { places, contexts, ask, question, sources };
  await Promise.all(large.map((each) => addLarge(each, asking, { byContext, refused, faults }, turns)));
  const { remembered, withPullSecret } = discovery;
  const isEmpty = discovery.evidence.length === 0 && refused.length === 0 && faults.length === 0;
  const found = { byContext, refused, faults, ...(isEmpty && { isEmpty }) };
  return { found, remembered, withPullSecret };
}

function bySize(evidence: readonly FoundEvidence[]) {
  const held: Evidence[] = [];
  const large: LargeEvidence[] = [];
  for (const each of evidence) {
    if (each.kind === 'large') large.push(each);
    else held.push(each);
  }
  return { held, large };
}

/** Evidence for which there is work enough, the most promising first. */
function verifiable(
  evidence: readonly FoundEvidence[],
  contexts: number,
  refused: RefusedEvidence[],
): readonly FoundEvidence[] {
  const most = Math.max(LIMITS.evidenceVerified, Math.floor(LIMITS.verifications / Math.max(1, contexts)));
  if (evidence.length <= most) return evidence;
  refused.push({
    source: 'the evidence of the image',
    code: 'LIMIT',
    detail: `${most} of ${evidence.length} pieces of evidence were verified, the most promising first: the policies name ${contexts} keys and roots, and ${LIMITS.verifications} verifications are made for one image`,
    isBound: true,
  });
  return evidence.slice(0, most);
}

/** Every root and key that one of the policies verifies with, once. */
export function contextsOf(policies: readonly CompiledPolicy[]): ReadonlyMap<string, TrustContext> {
  const all = policies.flatMap(({ entries, slsa, attestations }) => [
    ...contextsIn(entries),
    ...(slsa === undefined ? [] : slsaContexts(slsa)),
    ...attestations.flatMap((attestation) => contextsIn(attestation.entries)),
  ]);
  return new Map(all.map(({ id, context }) => [id, context] as const));
}

function contextsIn({ usable }: ExpandedEntries): readonly BoundContext[] {
  return usable.flatMap(({ contexts }) => contexts);
}

/** Beside the image, and where one of the policies says that signatures are kept. */
type Place = ImageReference | undefined;

function placesOf(policies: readonly CompiledPolicy[]): readonly Place[] {
  const repository = policies[0]?.policy.rules?.signatureRepository;
  return repository === undefined ? [undefined] : [undefined, repository];
}

type Asked = Question & { readonly attestations: boolean; readonly ask: EvidenceAsk };

/** Good evidence counts wherever it lies; that of all places in turn, so that none displaces another. */
async function discoverEverywhere(
  digest: string,
  places: readonly Place[],
  question: Asked,
  images: ImageSource,
): Promise<Discovery> {
  const all = await Promise.all(places.map((place) => discover(digest, place, question, images)));
  return {
    evidence: inTurns(all.map(({ evidence }) => evidence)),
    refused: all.flatMap(({ refused }) => refused),
    faults: all.flatMap(({ faults }) => faults),
    remembered: all.some(({ remembered }) => remembered),
    withPullSecret: all.some(({ withPullSecret }) => withPullSecret),
  };
}

function inTurns(lists: readonly (readonly FoundEvidence[])[]): readonly FoundEvidence[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) =>
    lists.flatMap((list) => list.slice(turn, turn + 1)),
  ).flat();
}

async function discover(
  digest: string,
  signatureRepository: Place,
  { reference, fresh, puller, signal, attestations, ask }: Asked,
  images: ImageSource,
): Promise<Discovery> {
  const options = { fresh, puller, signal, signatureRepository, attestations, ask };
  try {
    return await orAborted(images.discover(reference, digest, options), reference, signal);
  } catch (error) {
    const faults = [faultOrThrow(error)];
    return { evidence: [], refused: [], faults, remembered: false, withPullSecret: false };
  }
}

/** The manifest's bytes, only where some evidence is a signature over them. */
async function artifactFor(
  digest: string,
  { reference, puller, signal }: Question,
  images: ImageSource,
  known: { readonly refused: RefusedEvidence[]; readonly faults: FaultReason[] },
): Promise<Artifact | undefined> {
  try {
    const asking = images.manifest(reference, digest, { puller, signal });
    return { digest, manifest: await orAborted(asking, reference, signal) };
  } catch (error) {
    // A manifest that cannot be read spoils the signatures over it, and nothing else of the review.
    if (error instanceof Refusal) {
      const { code, message: detail } = error;
      known.refused.push({ source: 'the manifest of the image', code, detail, claims: 'signature' });
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

/** How a piece becomes a fact. */
interface Verification {
  readonly artifact: Artifact | undefined;
  readonly facts: FactCache;
  /** Adds what the statement says. */
  readonly answer: (fact: Fact, evidence: Evidence, contextId: string) => Fact;
}

async function piecesOf(evidence: readonly Evidence[], turns: Turns): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for (const each of evidence) {
    const piece = await turns.run(() => ({ evidence: each, overManifest: needsManifest(each) }));
    if (piece === undefined) break;
    pieces.push(piece);
  }
  return pieces;
}

async function verifyAll(
  pieces: readonly Piece[],
  contexts: ReadonlyMap<string, TrustContext>,
  { artifact, facts: cache, answer }: Verification,
  turns: Turns,
): Promise<ReadonlyMap<string, Fact[]>> {
  const byContext = new Map([...contexts.keys()].map((id) => [id, [] as Fact[]] as const));
  // Piece by piece: where the time ends in the middle, the most promising have been verified with everything.
  for (const { evidence, overManifest } of pieces) {
    const bytes = overManifest ? artifact : undefined;
    // Without the manifest nothing can be said of a signature over it; the reason is told beside.
    if (overManifest && bytes === undefined) continue;
    for (const [id, context] of contexts) {
      const verify = () => cache.known(evidence, context, bytes) ?? cache.verify(evidence, context, bytes);
      const fact = await turns.run(verify);
      // To read what a statement says takes as long as to verify it: a piece of work of its own.
      const said = fact === undefined ? undefined : await turns.run(() => answer(fact, evidence, id));
      if (said === undefined) return byContext;
      byContext.get(id)?.push(said);
    }
  }
  return byContext;
}
