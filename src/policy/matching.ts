import { Fault } from '../errors.ts';
import { imageName, type ImageReference } from '../image/reference.ts';
import type { CompiledPolicy, Snapshot } from './snapshot.ts';

/** What decides which policies apply to an object, apart from its images. */
export interface Subject {
  readonly namespace: string;
  /** A Fault where they could not be read: every policy that selects by namespace then counts as matching. */
  readonly namespaceLabels: Readonly<Record<string, string>> | Fault;
  /** Labels of the Pod, or of the Pod template. */
  readonly workloadLabels: Readonly<Record<string, string>>;
}

/** Policies that apply to an object, whatever its images are. */
export function policiesForSubject(snapshot: Snapshot, subject: Subject): readonly CompiledPolicy[] {
  return policiesForNamespace(snapshot, subject).filter(({ policy: { match } }) => {
    const { workloadSelector } = match;
    return workloadSelector === undefined || workloadSelector.matches(subject.workloadLabels);
  });
}

/** Policies that some object of a namespace may be under, whatever its own labels are. */
export function policiesForNamespace(
  { policies }: Snapshot,
  { namespace, namespaceLabels }: Omit<Subject, 'workloadLabels'>,
): readonly CompiledPolicy[] {
  return policies.filter(({ policy }) => {
    if (policy.namespace !== undefined && policy.namespace !== namespace) return false;
    const { namespaceSelector } = policy.match;
    if (namespaceSelector === undefined || namespaceLabels instanceof Fault) return true;
    return namespaceSelector.matches(namespaceLabels);
  });
}

/** Those of them that cover an image. A reference that cannot be read has no name to compare: all of them cover it. */
export function policiesForImage(
  policies: readonly CompiledPolicy[],
  reference: ImageReference | undefined,
): readonly CompiledPolicy[] {
  if (reference === undefined) return policies;
  const name = imageName(reference);
  return policies.filter(({ policy: { match } }) => {
    if (match.images !== undefined && !match.images.some((glob) => glob.matches(name))) return false;
    return !match.excludeImages.some((glob) => glob.matches(name));
  });
}

/** What happens to an image that no policy covers (a setting of the installation, design §3). */
export type NoMatch = 'DenyInGovernedNamespaces' | 'Warn' | 'Allow' | 'Deny';

/** With no policy in the cluster nothing is said: an installation that is not configured yet stops nobody. */
export function actionOnNoMatch(
  noMatch: NoMatch,
  snapshot: Snapshot,
  subject: Pick<Subject, 'namespaceLabels'>,
): 'allow' | 'warn' | 'deny' | Fault {
  if (snapshot.policies.length === 0) return noMatch === 'Deny' ? 'deny' : 'allow';
  switch (noMatch) {
    case 'Allow':
      return 'allow';
    case 'Warn':
      return 'warn';
    case 'Deny':
      return 'deny';
    case 'DenyInGovernedNamespaces':
      return actionWhenGoverned(snapshot, subject);
  }
}

/** Denied where an Enforce ClusterSigningPolicy selects the namespace by a selector; unknown labels leave it unknown. */
function actionWhenGoverned(
  snapshot: Snapshot,
  { namespaceLabels }: Pick<Subject, 'namespaceLabels'>,
): 'warn' | 'deny' | Fault {
  const enforcing = snapshot.policies
    .map(({ policy }) => policy)
    .filter(({ kind, mode }) => kind === 'ClusterSigningPolicy' && mode === 'Enforce');
  // A selector that cannot be read may have selected this namespace: a typo must not take the denial away.
  if (enforcing.some(({ problems }) => problems.some(({ field }) => field.startsWith('spec.match'))))
    return 'deny';
  const selectors = enforcing.flatMap(({ match }) => match.namespaceSelector ?? []);
  if (selectors.length === 0) return 'warn';
  if (namespaceLabels instanceof Fault) return namespaceLabels;
  return selectors.some((selector) => selector.matches(namespaceLabels)) ? 'deny' : 'warn';
}
