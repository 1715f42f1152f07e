import { exceptionFor, exceptionsInForce } from '../policy/exception.ts';
import { policiesForNamespace, policiesForSubject, type NoMatch, type Subject } from '../policy/matching.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { Sources } from './gather-facts.ts';
import { examineImage, type Examined } from './judge-image.ts';
import { rulingOnNoMatch } from './no-match.ts';
import type { Puller } from './ports.ts';

/** An image of something that runs. */
export interface ComparedImage {
  readonly image: string;
  readonly puller: Puller;
  readonly subject: Omit<Subject, 'workloadLabels'> & {
    /** Undefined = nobody knows: a selector then counts as selecting. */
    readonly workloadLabels: Subject['workloadLabels'] | undefined;
  };
}

/** What the webhook would say to it. */
export interface Judgement {
  /** `unknown`: it would be denied because nobody can tell. */
  readonly decision: 'admitted' | 'denied' | 'unknown';
  /** Of policies, and of the installation's own rule. */
  readonly verdicts: readonly Verdict[];
}

export interface Comparison {
  readonly before: Judgement;
  readonly after: Judgement;
  readonly isPrivate: boolean;
}

export interface CompareOptions {
  readonly before: Snapshot;
  /** The same one = there is no change. */
  readonly after: Snapshot;
  readonly sources: Sources;
  readonly noMatch: NoMatch;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Policies of each side that may be about an image of the workload. */
export function policiesOfBoth(
  { before, after }: Pick<CompareOptions, 'before' | 'after'>,
  { subject }: Pick<ComparedImage, 'subject'>,
): { readonly before: readonly CompiledPolicy[]; readonly after: readonly CompiledPolicy[] } {
  const { workloadLabels } = subject;
  const of = (snapshot: Snapshot) =>
    workloadLabels === undefined
      ? policiesForNamespace(snapshot, subject)
      : policiesForSubject(snapshot, { ...subject, workloadLabels });
  const own = of(before);
  return { before: own, after: after === before ? own : of(after) };
}

/**
 * One image under two snapshots, from the same facts: they are gathered once, for the policies of both. As in a template: a Pod that is
 * made anew has its tags pinned on the way.
 * @throws Fault, Refusal as `examineImage`
 */
export async function compareImage(
  compared: ComparedImage,
  { before, after, sources, noMatch, now }: CompareOptions,
  signal: AbortSignal,
): Promise<Comparison> {
  const { image, puller, subject } = compared;
  const policies = policiesOfBoth({ before, after }, compared);
  const candidates = [...new Set([...policies.before, ...policies.after])];
  const circumstances = { now, isPod: false };
  const { examined, isPrivate } = await examineImage(image, candidates, {
    sources,
    circumstances,
    puller,
    signal,
  });
  const under = (snapshot: Snapshot, own: readonly CompiledPolicy[]): Judgement => {
    const exceptions = exceptionsInForce(snapshot, subject.namespace, now);
    const ownOnes = new Set(own);
    const verdicts = examined
      .filter(({ compiled }) => ownOnes.has(compiled))
      .map((each) => withException(each, exceptions));
    const ruling = rulingOnNoMatch(image, verdicts, { snapshot, subject, noMatch, exceptions });
    return judgementOf(typeof ruling === 'string' ? verdicts : [...verdicts, ruling]);
  };
  const first = under(before, policies.before);
  return { before: first, after: after === before ? first : under(after, policies.after), isPrivate };
}

function withException(
  { compiled, facts, verdict }: Examined,
  exceptions: ReturnType<typeof exceptionsInForce>,
): Verdict {
  const exception = exceptionFor(verdict, compiled, facts, exceptions);
  return exception === undefined ? verdict : { ...verdict, exception };
}

function judgementOf(verdicts: readonly Verdict[]): Judgement {
  const denying = verdicts.filter(
    ({ mode, outcome, exception }) =>
      mode === 'Enforce' && exception === undefined && outcome.kind !== 'verified',
  );
  if (denying.length === 0) return { decision: 'admitted', verdicts };
  const isNo = denying.some(({ outcome }) => outcome.kind === 'violated');
  return { decision: isNo ? 'denied' : 'unknown', verdicts };
}
