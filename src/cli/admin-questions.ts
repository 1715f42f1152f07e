import { Assessments, ASSESSMENT_PLACES } from '../admin/assessments.ts';
import { Impact } from '../admin/impact.ts';
import { LiveDecisions } from '../admin/live-decisions.ts';
import type { Route } from '../admin/route.ts';
import { decisionRoutes } from '../admin/routes/decisions.ts';
import { historyRoutes } from '../admin/routes/history.ts';
import { impactRoutes } from '../admin/routes/impact.ts';
import { verifyRoutes } from '../admin/routes/verify.ts';
import {
  NOTHING_KNOWN_TO_RUN,
  PodsOfCluster,
  RecentlyAdmitted,
  type RunningWorkloads,
} from '../admin/running-workloads.ts';
import { Turnstile } from '../admin/turnstile.ts';
import type { AssessDependencies } from '../admission/assess.ts';
import type { FactCache } from '../admission/fact-cache.ts';
import type { DecisionObserver } from '../admission/ports.ts';
import type { StatementCache } from '../admission/statement-cache.ts';
import type { Settings } from '../config.ts';
import type { History } from '../history/history.ts';
import type { Logger } from '../log.ts';
import { everyObserver } from '../observe/decision-log.ts';
import type { RegistryImageSource } from '../registry/image-source.ts';
import type { Surroundings } from './stores.ts';

export interface QuestionsOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly surroundings: Surroundings;
  /** Undefined where none is kept. */
  readonly history: History | undefined;
  readonly images: RegistryImageSource;
  /** The webhook's own: what it has verified needs no verifying here, and the reverse. */
  readonly facts: FactCache;
  readonly statements: StatementCache;
}

/** Everything that people ask of the API: images, what was decided and is being decided, and what a change would do. */
export class Questions {
  readonly routes: readonly Route[];
  readonly #live = new LiveDecisions();
  readonly #assessments: Assessments;

  constructor({ settings, logger, surroundings, history, images, facts, statements }: QuestionsOptions) {
    const { store, trust, resources } = surroundings;
    const dependencies: AssessDependencies = {
      images: images.unhurried,
      facts,
      statements,
      snapshots: store,
      namespaces: store,
      noMatch: settings.noMatch,
      now: Date.now,
      onDefect: (error, image) =>
        logger.error({ err: error, image: image.slice(0, 256) }, 'a question ended in a defect'),
    };
    const places = new Turnstile(ASSESSMENT_PLACES);
    const kept = history === undefined ? [] : [history];
    this.#assessments = new Assessments({
      ...dependencies,
      places,
      monotonic: () => performance.now(),
      // Neither the metrics nor the log of admissions: nobody was let in or kept out.
      observer: everyObserver([...kept, this.#live], logger),
    });
    const impact = new Impact({
      ...dependencies,
      places,
      resources,
      material: () => trust.material(),
      running: runningFor(surroundings, history),
      excludedNamespaces: settings.excludedNamespaces,
    });
    this.routes = [
      ...verifyRoutes({ assessments: this.#assessments, snapshots: store }),
      ...historyRoutes({ history, now: Date.now }),
      ...decisionRoutes(this.#live),
      ...impactRoutes(impact),
    ];
  }

  /** Has to be told of every admission. */
  get observer(): DecisionObserver {
    return this.#live;
  }

  /** A new snapshot decides from now on. */
  changed(snapshot: number): void {
    this.#live.changed(snapshot);
  }

  stop(): void {
    this.#live.stop();
    this.#assessments.stop();
  }
}

function runningFor({ cluster }: Surroundings, history: History | undefined): RunningWorkloads {
  if (cluster !== undefined) return new PodsOfCluster(cluster.callers);
  return history === undefined ? NOTHING_KNOWN_TO_RUN : new RecentlyAdmitted(history, Date.now);
}
