import { hostname } from 'node:os';
import { Assessments, ASSESSMENT_PLACES } from '../admin/assessments.ts';
import { ChangeLog } from '../admin/change-log.ts';
import { decidingRoutes } from '../admin/deciding-routes.ts';
import { Impact } from '../admin/impact.ts';
import { Inspections } from '../admin/inspections.ts';
import { LastUse } from '../admin/last-use.ts';
import { ResourceOffice } from '../admin/resource-office.ts';
import type { Route } from '../admin/route.ts';
import {
  NOTHING_KNOWN_TO_RUN,
  PodsOfCluster,
  RecentlyAdmitted,
  type RunningWorkloads,
} from '../admin/running-workloads.ts';
import { Turnstile } from '../admin/turnstile.ts';
import type { AssessDependencies } from '../admission/assess.ts';
import { everyObserver } from '../observe/decision-log.ts';
import type { AdminContext } from './admin-context.ts';
import { installationStatus } from './admin-status.ts';

/** The operations that this thread does for the page's, and how to end what they have under way. */
export function adminRoutes(
  context: AdminContext,
  version: string,
): { readonly routes: readonly Route[]; readonly stop: () => void } {
  const { logger, surroundings, history, watchers } = context;
  const { store, trust } = surroundings;
  const assess = assessDependencies(context);
  // One for all: what it holds up is the same thread.
  const inspections = new Inspections();
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
  const routes = decidingRoutes({
    status: (seen) => installationStatus(context, { version, replica: hostname(), seen }),
    office: officeFor(context, inspections),
    keys: trust,
    impact,
    verify: { assessments, snapshots: store },
    live: watchers.live,
  });
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
    lastUse: new LastUse({ use: watchers.signerUse, history: history?.reader }),
    changes: new ChangeLog(history, logger),
    inspections,
    now: Date.now,
  });
}

function runningFor({ surroundings: { cluster }, history }: AdminContext): RunningWorkloads {
  if (cluster !== undefined) return new PodsOfCluster(cluster.callers);
  return history === undefined ? NOTHING_KNOWN_TO_RUN : new RecentlyAdmitted(history.reader, Date.now);
}
