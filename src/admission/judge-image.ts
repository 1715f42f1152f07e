import { Refusal } from '../errors.ts';
import { imageName, parseImageReference } from '../image/reference.ts';
import type { ImageVerdicts } from '../policy/decision.ts';
import { evaluate, type Circumstances } from '../policy/evaluate.ts';
import { exceptionFor, type ExceptionInForce } from '../policy/exception.ts';
import { NOTHING_FOUND, type ImageFacts } from '../policy/image-facts.ts';
import { policiesForImage } from '../policy/matching.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { Verdict, ViolationCode } from '../policy/verdict.ts';
import { contextsOf } from './gather-digest.ts';
import { digestFact, gatherFacts, type Gathered, type Question, type Sources } from './gather-facts.ts';
import { gatherParent, parentIndexOf, type ParentIndex } from './gather-parent.ts';
import type { Puller } from './ports.ts';
import { loopBudget } from './turns.ts';

/** What judging an image needs beside its name and the policies. */
export interface Surroundings {
  readonly sources: Sources;
  readonly circumstances: Circumstances;
  readonly puller: Puller;
  readonly signal: AbortSignal;
  /** Of the namespace that the image is to run in; absent = none. */
  readonly exceptions?: readonly ExceptionInForce[];
}

/** One image under one policy, with everything that the verdict rests on. */
export interface Examined {
  readonly compiled: CompiledPolicy;
  readonly facts: ImageFacts;
  readonly verdict: Verdict;
}

export interface ExaminedImage {
  /** Undefined where it could not be learned, or nobody needed it. */
  readonly digest: string | undefined;
  readonly isPrivate: boolean;
  /** By policy, in the order of the snapshot. */
  readonly examined: readonly Examined[];
}

export type Judged = Pick<ImageVerdicts, 'digest' | 'isPrivate' | 'verdicts'>;

/** One image text under every policy that covers it, however many containers use it. */
export async function judgeImage(
  image: string,
  candidates: readonly CompiledPolicy[],
  surroundings: Surroundings,
): Promise<Judged> {
  const { examined, ...rest } = await examineImage(image, candidates, surroundings);
  return { ...rest, verdicts: examined.map(({ verdict }) => verdict) };
}

/** The same, with the facts: for whoever wants to be told why. */
export async function examineImage(
  image: string,
  candidates: readonly CompiledPolicy[],
  surroundings: Surroundings,
): Promise<ExaminedImage> {
  const { sources, circumstances, puller, signal } = surroundings;
  const reference = parseOrProblem(image);
  if ('problem' in reference) {
    const facts: ImageFacts = { image, reference, digest: { kind: 'unasked' }, ...NOTHING_ASKED };
    const examined = candidates.map((compiled) => examine(compiled, facts, circumstances));
    return { digest: undefined, isPrivate: false, examined };
  }
  const policies = policiesForImage(candidates, reference);
  if (policies.length === 0) return { digest: reference.digest, isPrivate: false, examined: [] };
  const digest = await digestFact(reference, sources.images, { puller, signal });
  const question: Question = { reference, digest, puller, signal, fresh: false };
  let index: Promise<ParentIndex> | undefined;
  const parentIndex: AskParentIndex = () => (index ??= parentIndexOf(question, sources));
  // Each place where signatures are kept is its policies' own: what fails there must not touch the others.
  const groups = await Promise.all(
    [...Map.groupBy(policies, signatureRepositoryOf).values()].map((group) =>
      examineGroup(group, question, parentIndex, surroundings),
    ),
  );
  const examined = new Map(groups.flatMap((group) => [...group.examined]));
  const known = digest.kind === 'known' ? digest : undefined;
  return {
    digest: known?.digest,
    isPrivate: known?.withPullSecret === true || groups.some(({ isPrivate }) => isPrivate),
    examined: policies.flatMap((compiled) => {
      const each = examined.get(compiled);
      return each === undefined ? [] : [excepted(each, surroundings.exceptions)];
    }),
  };
}

const NOTHING_ASKED = {
  platforms: { kind: 'none' },
  parent: { kind: 'none' },
  ...NOTHING_FOUND,
} as const;

export function parseOrProblem(image: string): ImageFacts['reference'] {
  try {
    return parseImageReference(image);
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message };
    throw error;
  }
}

function signatureRepositoryOf({ policy: { rules } }: CompiledPolicy): string {
  return rules?.signatureRepository === undefined ? '' : imageName(rules.signatureRepository);
}

interface ExaminedGroup {
  readonly examined: ReadonlyMap<CompiledPolicy, Examined>;
  readonly isPrivate: boolean;
}

/** Asked once, whoever wants to know. */
type AskParentIndex = () => Promise<ParentIndex>;

/** Policies that look for evidence in the same places. */
async function examineGroup(
  policies: readonly CompiledPolicy[],
  question: Question,
  parentIndex: AskParentIndex,
  { sources, circumstances }: Surroundings,
): Promise<ExaminedGroup> {
  const examined = new Map<CompiledPolicy, Examined>();
  let isPrivate = false;
  // Evaluating fifty signatures takes a millisecond, and a review has up to 256 images.
  const examineInTurn = async (compiled: CompiledPolicy, facts: ImageFacts): Promise<void> => {
    const piece = () => examine(compiled, facts, circumstances);
    examined.set(compiled, await loopBudget.finish(question.signal, piece));
  };
  const take = async (
    { facts, withPullSecret }: Gathered,
    some: readonly CompiledPolicy[],
  ): Promise<void> => {
    isPrivate ||= withPullSecret;
    for (const compiled of some) await examineInTurn(compiled, facts);
  };
  const gathered = await gatherFacts(policies, question, sources);
  await take(gathered, policies);
  // A signature that was made since counts at once; a bad image still costs one look-up in 2 s at the most.
  // What the remembered evidence meets stays met: it needs no registry.
  const open = policies.filter((compiled) => couldHaveChanged(examined.get(compiled)));
  const again = gathered.remembered && open.length > 0;
  if (again) await take(await gatherFacts(open, { ...question, fresh: true }, sources), open);
  const adopt = async (children: readonly CompiledPolicy[], fresh: boolean): Promise<boolean> => {
    const asked = { ...question, fresh };
    const found = await gatherParent(children, await parentIndex(), asked, sources);
    isPrivate ||= found.withPullSecret;
    for (const compiled of children) {
      const facts = examined.get(compiled)?.facts;
      if (facts === undefined) continue;
      await examineInTurn(compiled, { ...facts, parent: found.parent });
    }
    return found.remembered;
  };
  const children = policies.filter((compiled) => mayCountThroughParent(examined.get(compiled)));
  if (children.length === 0 || !(await adopt(children, false))) return { examined, isPrivate };
  const orphans = children.filter((compiled) => couldHaveChanged(examined.get(compiled)));
  if (orphans.length > 0) await adopt(orphans, true);
  return { examined, isPrivate };
}

function examine(compiled: CompiledPolicy, facts: ImageFacts, circumstances: Circumstances): Examined {
  const { kind, namespace, name, mode } = compiled.policy;
  const outcome = evaluate(compiled, facts, circumstances);
  return { compiled, facts, verdict: { policy: { kind, namespace, name }, mode, outcome } };
}

/** The last step: until here an exception has nothing to say, so that evidence is looked for as if there were none. */
function excepted({ compiled, facts, verdict }: Examined, exceptions: Surroundings['exceptions']): Examined {
  const exception = exceptionFor(verdict, compiled, facts, exceptions ?? []);
  return { compiled, facts, verdict: exception === undefined ? verdict : { ...verdict, exception } };
}

/** Violations that no new evidence can mend. */
const SETTLED: ReadonlySet<ViolationCode> = new Set<ViolationCode>([
  'REF_INVALID',
  'POLICY_INVALID',
  'DIGEST_REVOKED',
  'DIGEST_REQUIRED',
  'TAG_NOT_PINNED',
]);

function couldHaveChanged(examined: Examined | undefined): boolean {
  const outcome = examined?.verdict.outcome;
  return outcome?.kind === 'violated' && !SETTLED.has(outcome.violations[0].code);
}

/** The policy takes membership for a signature, and the image did not fulfil it by itself. */
function mayCountThroughParent(examined: Examined | undefined): boolean {
  if (examined?.compiled.policy.rules?.acceptMembership !== true) return false;
  if (examined.facts.digest.kind !== 'known' || contextsOf([examined.compiled]).size === 0) return false;
  return examined.verdict.outcome.kind === 'faulted' || couldHaveChanged(examined);
}
