import { setImmediate as turn } from 'node:timers/promises';
import {
  compareImage,
  policiesOfBoth,
  type CompareOptions,
  type ComparedImage,
  type Comparison,
} from '../admission/compare.ts';
import type { AssessDependencies } from '../admission/assess.ts';
import { once } from '../admission/once.ts';
import { subjectOf } from '../admission/validate.ts';
import type { Resource } from '../api/resources.ts';
import { asError, Fault, Refusal } from '../errors.ts';
import type { TrustMaterial } from '../policy/trust-material.ts';
import { compileSnapshot, type Snapshot } from '../policy/snapshot.ts';
import type { Caller } from './caller.ts';
import { deadlineOf } from './deadline.ts';
import { isoTime } from './history-entry.ts';
import { changedResources, readChange, type ThoughtOf } from './impact-change.ts';
import { rowsOf, workloadKey, type Case } from './impact-rows.ts';
import type { Inspections } from './inspections.ts';
import { ApiProblem } from './problem.ts';
import type { RunningWorkload, RunningWorkloads } from './running-workloads.ts';
import type { ImpactAnswer, ImpactQuestion } from './schemas/impact.ts';
import { mapSome, type Turnstile } from './turnstile.ts';

export interface ImpactOptions extends AssessDependencies {
  /** Everything that the snapshot in force is compiled from. */
  readonly resources: () => readonly Resource[];
  readonly material: () => TrustMaterial;
  readonly running: RunningWorkloads;
  /** Namespaces that the webhook is not asked about. */
  readonly excludedNamespaces: readonly string[];
  readonly places: Turnstile;
  readonly inspections: Inspections;
}

/** What is asked, its change read. */
export interface ReadQuestion {
  readonly change: ThoughtOf;
  readonly namespace: string | undefined;
}

/** Milliseconds for everything, and of it for the list of what runs. */
const DEADLINE = 20_000;
const LIST_SHARE = 10_000;
/** Images that are judged, and how many at once: half of the API's places. */
const MAX_IMAGES = 500;
const AT_ONCE = 4;
const MAX_AFFECTED = 500;
/** Workloads whose policies are chosen in one go. */
const AT_A_STRETCH = 50;
/** Questions at once. */
const MAX_RUNNING = 2;

/** What the images that run now would be told after a change that is only thought of. Nothing is changed, and nothing is kept. */
export class Impact {
  readonly #options: ImpactOptions;
  #running = 0;

  constructor(options: ImpactOptions) {
    this.#options = options;
  }

  /** @throws ApiProblem INVALID for a document that cannot be used, UNAVAILABLE */
  async read({ change, namespace }: ImpactQuestion, signal: AbortSignal): Promise<ReadQuestion> {
    return { change: await readChange(change, this.#options.inspections, signal), namespace };
  }

  /** @throws ApiProblem INVALID, RATE_LIMITED, UNAVAILABLE, and what the list of what runs throws */
  async of(question: ReadQuestion, caller: Caller, signal: AbortSignal): Promise<ImpactAnswer> {
    if (this.#running >= MAX_RUNNING) {
      const detail = 'Other questions of this kind are under way: try again in a moment.';
      throw new ApiProblem('RATE_LIMITED', detail, { retryAfter: 5 });
    }
    const snapshots = this.#snapshots(question);
    this.#running += 1;
    const { signal: until, release } = deadlineOf(DEADLINE, signal);
    try {
      return await this.#answer(question, snapshots, caller, until);
    } finally {
      release();
      this.#running -= 1;
    }
  }

  #snapshots({ change }: ReadQuestion): Pick<CompareOptions, 'before' | 'after'> {
    const { snapshots, resources, material } = this.#options;
    const before = currentOr503(snapshots);
    const changed = changedResources(resources(), change);
    if (changed === undefined) return { before, after: before };
    return {
      before,
      after: compileSnapshot({ number: before.number, resources: changed, material: material() }),
    };
  }

  async #answer(
    { namespace }: ReadQuestion,
    { before, after }: Pick<CompareOptions, 'before' | 'after'>,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<ImpactAnswer> {
    const { running, excludedNamespaces, images, facts, statements, large, noMatch, now } = this.#options;
    const list = await this.#list(caller, namespace, signal);
    const governed = list.workloads.filter((each) => !excludedNamespaces.includes(each.namespace));
    const cases = await casesOf(await this.#placed(governed, { before, after }, signal), { before, after });
    const asked = cases.slice(0, MAX_IMAGES);
    const at = now();
    const options = { before, after, sources: { images, facts, statements, large }, noMatch, now: at };
    const told = await mapSome(asked, AT_ONCE, async (each) => ({
      ...each,
      comparison: await this.#compared(each.compared, options, signal),
    }));
    const maySee = once((of: string) => caller.may({ verb: 'create', resource: 'pods', namespace: of }));
    const affected = (await Promise.all(told.map((each) => rowsOf(each, before === after, maySee)))).flat();
    return {
      asOf: isoTime(at),
      source: running.source,
      workloads: new Set(governed.map(workloadKey)).size,
      images: asked.length,
      isComplete:
        list.isComplete &&
        asked.length === cases.length &&
        affected.length <= MAX_AFFECTED &&
        told.every(({ comparison }) => comparison !== undefined),
      affected: affected.slice(0, MAX_AFFECTED),
    };
  }

  async #list(caller: Caller, namespace: string | undefined, signal: AbortSignal) {
    const { signal: soon, release } = deadlineOf(LIST_SHARE, signal);
    try {
      return await this.#options.running.list(caller, namespace, soon);
    } finally {
      release();
    }
  }

  /** Each workload with what policies are chosen by. */
  async #placed(
    workloads: readonly RunningWorkload[],
    { before, after }: Pick<CompareOptions, 'before' | 'after'>,
    signal: AbortSignal,
  ): Promise<readonly Placed[]> {
    const policies = [...before.policies, ...after.policies];
    const subjectIn = once((namespace: string) =>
      subjectOf({ namespace }, {}, { policies }, this.#options.namespaces, signal),
    );
    return Promise.all(
      workloads.map(async (workload) => {
        const subject = await subjectIn(workload.namespace);
        return { workload, subject: { ...subject, workloadLabels: workload.labels } };
      }),
    );
  }

  /** Undefined where there was no time, or it cannot be judged at all. */
  async #compared(
    compared: ComparedImage,
    options: CompareOptions,
    signal: AbortSignal,
  ): Promise<Comparison | undefined> {
    try {
      const comparison = await this.#options.places.within(signal, () =>
        compareImage(compared, options, signal),
      );
      // What ended with the time is no verdict.
      return signal.aborted && !isSettled(comparison) ? undefined : comparison;
    } catch (error) {
      if (!(error instanceof Fault) && !(error instanceof Refusal)) {
        this.#options.onDefect(asError(error), compared.image);
      }
      return undefined;
    }
  }
}

function currentOr503(snapshots: ImpactOptions['snapshots']): Snapshot {
  try {
    return snapshots.current();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new ApiProblem('UNAVAILABLE', error.message, { cause: error, retryAfter: 5 });
  }
}

interface Placed {
  readonly workload: RunningWorkload;
  readonly subject: ComparedImage['subject'];
}

/** Workloads that are the same for every policy are judged once. */
async function casesOf(
  placed: readonly Placed[],
  snapshots: Pick<CompareOptions, 'before' | 'after'>,
): Promise<readonly Case[]> {
  const cases = new Map<
    string,
    { readonly compared: ComparedImage; readonly workloads: RunningWorkload[] }
  >();
  for (const [index, { workload, subject }] of placed.entries()) {
    // Selectors of all policies for each of thousands: admissions have their turn in between.
    if (index % AT_A_STRETCH === AT_A_STRETCH - 1) await turn();
    const { namespace, access } = workload;
    const { before, after } = policiesOfBoth(snapshots, { subject });
    const chosen = [before, after].map((policies) =>
      policies.map(({ policy }) => [policy.namespace, policy.name]),
    );
    for (const image of workload.images) {
      const key = JSON.stringify([namespace, image, access, chosen]);
      const compared = { image, subject, puller: { namespace, ...access } };
      const known = cases.get(key) ?? { compared, workloads: [] };
      cases.set(key, known);
      known.workloads.push(workload);
    }
  }
  return [...cases.values()];
}

function isSettled({ before, after }: Comparison): boolean {
  return ![...before.verdicts, ...after.verdicts].some(
    ({ outcome }) => outcome.kind === 'faulted' && outcome.faults.some(({ code }) => code === 'TIMEOUT'),
  );
}
