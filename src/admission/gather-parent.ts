import type { ParentFact } from '../policy/image-facts.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import { gatherDigest } from './gather-digest.ts';
import type { Question, Sources } from './gather-facts.ts';
import { orAborted, unknownOf } from './port-answer.ts';

/** The index that an image's tag names now: one that holds the image, or why there is none. */
export interface ParentIndex {
  readonly index:
    { readonly kind: 'holds'; readonly digest: string } | Exclude<ParentFact, { kind: 'known' }>;
  readonly withPullSecret: boolean;
}

const NO_PARENT: ParentIndex = { index: { kind: 'none' }, withPullSecret: false };

/**
 * Asks which index an image that is pinned to one platform belongs to. That the index holds the platform is read from the
 * index itself, whose bytes are hashed.
 */
export async function parentIndexOf(question: Question, { images }: Sources): Promise<ParentIndex> {
  const { reference, signal } = question;
  // Without a tag nobody can say which index is meant; without a digest the index itself was judged.
  if (reference.tag === undefined || reference.digest === undefined) return NO_PARENT;
  let withPullSecret = false;
  try {
    const byTag = { ...reference, digest: undefined };
    const index = await orAborted(images.resolve(byTag, question), reference, signal);
    withPullSecret = index.withPullSecret;
    const asking = images.platforms(reference, index.digest, question);
    const platforms = (await orAborted(asking, reference, signal)) ?? [];
    const holds = platforms.some(({ digest }) => digest === reference.digest);
    return { index: { kind: holds ? 'holds' : 'stranger', digest: index.digest }, withPullSecret };
  } catch (error) {
    return { index: unknownOf(error), withPullSecret };
  }
}

export interface GatheredParent {
  readonly parent: ParentFact;
  /** True when the registry was not asked for the evidence this time. */
  readonly remembered: boolean;
  readonly withPullSecret: boolean;
}

/** What was found for the index that holds the image. */
export async function gatherParent(
  policies: readonly CompiledPolicy[],
  { index, withPullSecret }: ParentIndex,
  question: Question,
  sources: Sources,
): Promise<GatheredParent> {
  if (index.kind !== 'holds') return { parent: index, remembered: false, withPullSecret };
  const gathered = await gatherDigest(index.digest, policies, question, sources);
  return {
    parent: { kind: 'known', digest: index.digest, ...gathered.found },
    remembered: gathered.remembered,
    withPullSecret: withPullSecret || gathered.withPullSecret,
  };
}
