import { hostname } from 'node:os';
import type { Access } from '../admin/access.ts';
import { Assessments, ASSESSMENT_PLACES } from '../admin/assessments.ts';
import type { Authenticator } from '../admin/authentication.ts';
import { ChangeLog } from '../admin/change-log.ts';
import { Impact } from '../admin/impact.ts';
import { Inspections } from '../admin/inspections.ts';
import type { LiveDecisions } from '../admin/live-decisions.ts';
import type { OidcIssuer } from '../admin/oidc.ts';
import { ResourceOffice } from '../admin/resource-office.ts';
import type { Route } from '../admin/route.ts';
import { changeRoutes } from '../admin/routes/changes.ts';
import { decisionRoutes } from '../admin/routes/decisions.ts';
import { exceptionRoutes } from '../admin/routes/exceptions.ts';
import { historyRoutes } from '../admin/routes/history.ts';
import { impactRoutes } from '../admin/routes/impact.ts';
import { keyRoutes } from '../admin/routes/keys.ts';
import { oidcRoutes } from '../admin/routes/oidc.ts';
import { policyRoutes } from '../admin/routes/policies.ts';
import { sessionRoutes } from '../admin/routes/session.ts';
import { signerRoutes } from '../admin/routes/signers.ts';
import { statusRoutes } from '../admin/routes/status.ts';
import { trustRootRoutes } from '../admin/routes/trust-roots.ts';
import { verifyRoutes } from '../admin/routes/verify.ts';
import {
  NOTHING_KNOWN_TO_RUN,
  PodsOfCluster,
  RecentlyAdmitted,
  type RunningWorkloads,
} from '../admin/running-workloads.ts';
import type { Sessions } from '../admin/sessions.ts';
import type { SignerUse } from '../admin/signer-use.ts';
import { Turnstile } from '../admin/turnstile.ts';
import type { AssessDependencies } from '../admission/assess.ts';
import type { Settings } from '../config.ts';
import type { History } from '../history/history.ts';
import type { Logger } from '../log.ts';
import { everyObserver } from '../observe/decision-log.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import { installationStatus } from './admin-status.ts';
import type { Surroundings } from './stores.ts';

/** What the rest of the service lends to its admin page. */
export interface AdminContext {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly surroundings: Surroundings;
  /** Undefined where none is kept. */
  readonly history: History | undefined;
  readonly watchers: AdminWatchers;
  /** What the webhook itself decides with, but for its way to registries. */
  readonly sources: Pick<AssessDependencies, 'images' | 'statements' | 'facts'>;
  readonly snapshot: () => Snapshot | undefined;
  readonly notReady: () => readonly string[];
}

/** What looks on at decisions for the page. */
export interface AdminWatchers {
  readonly live: LiveDecisions;
  readonly signerUse: SignerUse;
}

export interface AdminPeople {
  readonly access: Access;
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  /** Undefined where nobody signs in there. */
  readonly issuer: OidcIssuer | undefined;
  readonly version: string;
}

/** Every route of the API, and how to end what they have under way. */
export function adminRoutes(
  context: AdminContext,
  people: AdminPeople,
): { readonly routes: readonly Route[]; readonly stop: () => void } {
  const { logger, surroundings, history, watchers } = context;
  const { store, trust } = surroundings;
  const assess = assessDependencies(context);
  // One for all: what it holds up is the same thread.
  const inspections = new Inspections();
  const office = officeFor(context, inspections);
  const places = new Turnstile(ASSESSMENT_PLACES);
  // Not the log of admissions: nobody was let in or kept out, and alarms are made of its lines.
  const told = [watchers.live, ...(history === undefined ? [] : [history])];
  const observer = everyObserver(told, logger);
  const assessments = new Assessments({ ...assess, observer, monotonic: () => performance.now(), places });
  const impact = new Impact({
    ...assess,
    places,
    inspections,
    resources: surroundings.resources,
    material: () => trust.material(),
    running: runningFor(context),
    excludedNamespaces: context.settings.excludedNamespaces,
  });
  const { version, access, issuer } = people;
  const signIn = [...access.methods, ...(issuer === undefined ? [] : (['oidc'] as const))];
  const routes = [
    ...sessionRoutes({ ...people, signIn, logger }),
    ...(issuer === undefined ? [] : oidcRoutes({ ...people, issuer, logger })),
    ...statusRoutes((seen) => installationStatus(context, { version, replica: hostname(), seen })),
    ...signerRoutes(office),
    ...policyRoutes(office),
    ...trustRootRoutes(office),
    ...exceptionRoutes(office),
    ...keyRoutes(trust),
    ...impactRoutes(impact),
    ...verifyRoutes({ assessments, snapshots: store }),
    ...historyRoutes({ history, now: Date.now }),
    ...changeRoutes(history),
    ...decisionRoutes(watchers.live),
  ];
  const stop = (): void => {
    assessments.stop();
    watchers.live.stop();
  };
  return { routes, stop };
}

function assessDependencies({ sources, surroundings, settings, logger }: AdminContext): AssessDependencies {
  return {
    ...sources,
    snapshots: surroundings.store,
    namespaces: surroundings.store,
    noMatch: settings.noMatch,
    now: Date.now,
    onDefect: (error, image) => logger.error({ err: error, image }, 'an assessment ended in a defect'),
  };
}

function officeFor(
  { surroundings, snapshot, watchers, history, logger }: AdminContext,
  inspections: Inspections,
): ResourceOffice {
  return new ResourceOffice({
    desk: surroundings.desk,
    snapshot,
    builtinRoots: () => surroundings.trust.material().builtin,
    lastUsed: (signer) => watchers.signerUse.lastUsed(signer),
    changes: new ChangeLog(history, logger),
    inspections,
    now: Date.now,
  });
}

function runningFor({ surroundings: { cluster }, history }: AdminContext): RunningWorkloads {
  if (cluster !== undefined) return new PodsOfCluster(cluster.callers);
  return history === undefined ? NOTHING_KNOWN_TO_RUN : new RecentlyAdmitted(history, Date.now);
}
