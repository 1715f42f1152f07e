import type { ComparedImage, Comparison, Judgement } from '../admission/compare.ts';
import { field } from '../policy/message.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { RunningWorkload } from './running-workloads.ts';
import type { ImpactAnswer } from './schemas/impact.ts';
import { policyName } from './verify-result.ts';

/** One image to be judged, and the workloads that the judgement is for. */
export interface Case {
  readonly compared: ComparedImage;
  readonly workloads: readonly RunningWorkload[];
}

export interface Told extends Case {
  readonly comparison: Comparison | undefined;
}

/** The workloads of a case that are told something; nothing where the change tells the image nothing new. */
export async function rowsOf(
  { compared, workloads, comparison }: Told,
  isUnchanged: boolean,
  maySee: (namespace: string) => Promise<boolean>,
): Promise<ImpactAnswer['affected']> {
  if (comparison === undefined) return [];
  const { before, after, isPrivate } = comparison;
  const isTold = isUnchanged ? after.decision !== 'admitted' : tellingOf(before) !== tellingOf(after);
  if (!isTold) return [];
  const worst = worstOf(after);
  const isShown = !isPrivate || (await maySee(compared.subject.namespace));
  const distinct = new Map(workloads.map((workload) => [workloadKey(workload), workload]));
  return [...distinct.values()].map(({ namespace, kind, name }) => ({
    namespace,
    kind,
    name,
    image: compared.image,
    before: before.decision,
    after: after.decision,
    ...reasonOf(worst, isShown),
  }));
}

export function workloadKey({ namespace, kind, name }: RunningWorkload): string {
  return JSON.stringify([namespace, kind, name]);
}

/** Everything that whoever applies the workload would be told, but for the details. */
function tellingOf({ decision, verdicts }: Judgement): string {
  const told = verdicts.flatMap(({ policy, mode, outcome, exception }) =>
    outcome.kind === 'verified' ? [] : [[policyName(policy), mode, codeOf(outcome), exception?.name]],
  );
  return JSON.stringify([decision, told]);
}

type Unmet = Exclude<Verdict['outcome'], { readonly kind: 'verified' }>;

function codeOf(outcome: Unmet): string {
  return reasonIn(outcome).code;
}

function reasonIn(outcome: Unmet): { readonly code: string; readonly detail: string } {
  return outcome.kind === 'violated' ? outcome.violations[0] : outcome.faults[0];
}

/** What denies comes first, and of that a "no". */
function worstOf({ verdicts }: Judgement): Verdict | undefined {
  return verdicts.toSorted((a, b) => severity(a) - severity(b))[0];
}

function severity({ mode, outcome, exception }: Verdict): number {
  if (outcome.kind === 'verified') return 9;
  return (mode === 'Enforce' && exception === undefined ? 0 : 2) + (outcome.kind === 'violated' ? 0 : 1);
}

function reasonOf(
  worst: Verdict | undefined,
  isShown: boolean,
): Pick<ImpactAnswer['affected'][number], 'verdict' | 'code' | 'detail' | 'policy'> {
  if (worst === undefined || worst.outcome.kind === 'verified') return { verdict: 'verified' };
  const { code, detail } = reasonIn(worst.outcome);
  const policy = policyName(worst.policy);
  return {
    verdict: worst.outcome.kind,
    code,
    ...(isShown && { detail: field(detail) }),
    ...(policy !== undefined && { policy }),
  };
}
