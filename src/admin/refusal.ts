import * as z from 'zod';
import type { Logger } from '../log.ts';
import { bounded, fieldsOf } from './change-log.ts';
import { problemOf } from './problem-of.ts';
import type { Route } from './route.ts';

/** What somebody asked for, as far as it was read when it was refused. Texts may be anything and of any length. */
export interface Attempt {
  readonly route: Pick<Route, 'change'>;
  readonly params: Readonly<Record<string, string>>;
  isDryRun: boolean;
  /** What the document in the body calls itself. */
  subject: string | undefined;
}

/** Fields that a line names: those of a document with a hundred mistakes are no help. */
const MAX_WRONG = 5;

/**
 * A line in the log for a change that came to nothing: who tried what, and the code of the answer. Without the document and what was said of
 * it: they may be what was wrong. None for a defect, which has its own, and none for what may still come to something after its time.
 */
export function tellRefused(logger: Logger, actor: string, attempt: Attempt, thrown: unknown): void {
  const { change } = attempt.route;
  const problem = problemOf(thrown);
  // The page has a document checked with every pause of whoever types it.
  if (change === undefined || attempt.isDryRun || problem === undefined || problem.code === 'TIMEOUT') return;
  const { params, subject } = attempt;
  const name = { kind: change.kind, namespace: params['namespace'], name: params['name'] ?? subject ?? '' };
  const wrong = problem.errors.slice(0, MAX_WRONG).map(({ field }) => bounded(field));
  const fields = { ...fieldsOf({ actor, action: change.action, name }), code: problem.code };
  logger.info({ ...fields, ...(wrong.length > 0 && { wrong }) }, 'a change was refused');
}

const dryRunSchema = z.object({ dryRun: z.literal('true') });
const namedSchema = z.object({ metadata: z.object({ name: z.string() }) });

/** @param query as its schema read it */
export function isDryRun(query: unknown): boolean {
  return dryRunSchema.safeParse(query).success;
}

/** What a document calls itself, whatever else is wrong with it. */
export function nameIn(json: unknown): string | undefined {
  return namedSchema.safeParse(json).data?.metadata.name;
}
