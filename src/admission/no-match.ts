import { Fault } from '../errors.ts';
import { exceptionFor, type ExceptionInForce } from '../policy/exception.ts';
import { actionOnNoMatch, type NoMatch, type Subject } from '../policy/matching.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Outcome, Verdict } from '../policy/verdict.ts';
import { parseOrProblem } from './judge-image.ts';

/** What the installation's own rule goes by. */
export interface Installation {
  readonly snapshot: Snapshot;
  readonly subject: Omit<Subject, 'workloadLabels'>;
  readonly noMatch: NoMatch;
  readonly exceptions: readonly ExceptionInForce[];
}

/** Whether an enforcing cluster policy covers the image; if none does, what the settings say to that. */
export type NoMatchRuling = 'covered' | 'allow' | 'warn' | Verdict;

/**
 * Only an enforcing cluster policy covers an image: what a tenant adds, and what only warns or records, must not take away a denial
 * that was there without it.
 * @param verdicts of the policies that are about the image
 */
export function rulingOnNoMatch(
  image: string,
  verdicts: readonly Verdict[],
  { snapshot, subject, noMatch, exceptions }: Installation,
): NoMatchRuling {
  const coverage = coverageOf(verdicts, snapshot, subject, noMatch);
  if (coverage === 'covered') return 'covered';
  const uncovered = actionOnNoMatch(noMatch, snapshot, subject);
  const action = uncovered === 'deny' && coverage instanceof Fault ? coverage : uncovered;
  if (action === 'allow' || action === 'warn') return action;
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
  return excepted(image, { policy: undefined, mode: 'Enforce', outcome }, exceptions);
}

/**
 * Whether an enforcing cluster policy covers the image. Where the namespace's labels cannot be read every policy judges it, and one
 * that selects by them covers it only if it is met wherever it may be denied: what another namespace's policy takes would run here as well.
 */
function coverageOf(
  verdicts: readonly Verdict[],
  { policies }: Snapshot,
  { namespaceLabels }: Installation['subject'],
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

/** Whatever the labels of the namespace are: an exception is for it by its name. */
function excepted(image: string, verdict: Verdict, exceptions: readonly ExceptionInForce[]): Verdict {
  const facts = { reference: parseOrProblem(image), ...NOTHING_LOOKED_AT };
  const exception = exceptionFor(verdict, undefined, facts, exceptions);
  return exception === undefined ? verdict : { ...verdict, exception };
}

const NOTHING_LOOKED_AT = { digest: { kind: 'unasked' }, platforms: { kind: 'none' } } as const;
