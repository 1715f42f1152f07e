import type { SeenKinds } from '../admin/routes/status.ts';
import type { InstallationStatus } from '../admin/schemas/status.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { KeyState, RootState } from '../policy/trust-material.ts';
import type { Resource } from '../api/resources.ts';
import type { AdminContext } from './admin-context.ts';

/** More would be no help to anybody. */
const MAX_PROBLEMS = 200;

/** How the installation is, as this replica sees it. */
export function installationStatus(
  { settings, surroundings, history, snapshot, notReady }: AdminContext,
  {
    version,
    replica,
    seen,
  }: { readonly version: string; readonly replica: string; readonly seen: SeenKinds },
): InstallationStatus {
  const reasons = [...notReady()];
  const current = snapshot();
  const resources = surroundings.resources();
  const count = (...kinds: readonly Resource['kind'][]): number =>
    resources.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    version,
    replica,
    mode: settings.policies === undefined ? 'cluster' : 'standalone',
    ready: reasons.length === 0,
    notReady: reasons,
    ...(current !== undefined && { snapshot: current.number }),
    noMatch: settings.noMatch,
    excludedNamespaces: settings.excludedNamespaces,
    history: history === undefined ? 'off' : settings.history.url === undefined ? 'sqlite' : 'postgres',
    historyAvailable: history !== undefined,
    counts: {
      policies: count('ClusterSigningPolicy', 'SigningPolicy'),
      signers: count('TrustedSigner'),
      trustRoots: count('TrustRoot'),
      exceptions: count('SigningException'),
    },
    problems: [...problemsOf(resources, seen), ...unavailable(current, seen)].slice(0, MAX_PROBLEMS),
  };
}

type StatusProblem = InstallationStatus['problems'][number];

function problemsOf(resources: readonly Resource[], seen: SeenKinds): StatusProblem[] {
  const shown = resources.filter(({ kind }) => seen.has(kind));
  return shown.flatMap((resource) =>
    resource.problems.map(({ field, message }) => ({
      subject: subjectOf(resource),
      message: field === '' ? message : `${field}: ${message}`,
    })),
  );
}

function subjectOf(resource: Resource): string {
  const { kind, name } = resource;
  return 'namespace' in resource && resource.namespace !== undefined
    ? `${kind}/${resource.namespace}/${name}`
    : `${kind}/${name}`;
}

/** Kinds that may refer to a key. */
const WITH_KEYS = ['TrustedSigner', 'ClusterSigningPolicy', 'SigningPolicy'] as const;

function unavailable(snapshot: Snapshot | undefined, seen: SeenKinds): StatusProblem[] {
  const keys = WITH_KEYS.every((kind) => seen.has(kind)) ? (snapshot?.keys ?? []) : [];
  const trustRoots = seen.has('TrustRoot') ? (snapshot?.trustRoots ?? []) : [];
  return [
    ...[...keys].map(([uri, state]) => [`key ${uri}`, state] as const),
    ...[...trustRoots].map(([name, state]) => [`TrustRoot/${name}`, state] as const),
  ].flatMap(([subject, state]) => stateProblem(subject, state));
}

function stateProblem(subject: string, state: KeyState | RootState): StatusProblem[] {
  return state.kind === 'unavailable' ? [{ subject, message: state.reason }] : [];
}
