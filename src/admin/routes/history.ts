import type { Reader } from '../../history/reader.ts';
import { BUCKET } from '../../history/write-batch.ts';
import { Exports } from '../exports.ts';
import { entryOf } from '../history-entry.ts';
import { checkOrder, filterOf, timeOf } from '../history-filter.ts';
import { ApiProblem } from '../problem.ts';
import { callerOf, requireRight, requireRightSomewhere } from '../rights.ts';
import { route, type Route } from '../route.ts';
import {
  exportedSchema,
  exportQuery,
  statsQuery,
  statsSchema,
  verificationPageSchema,
  verificationsQuery,
} from '../schemas/history.ts';
import { statsOf, type StatsRange } from '../stats.ts';

export interface HistoryRoutesOptions {
  /** Undefined where none is kept. */
  readonly history: Pick<Reader, 'verifications' | 'statistics' | 'export'> | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const LIST = { verb: 'list', resource: 'verifications' } as const;
const PROBLEMS = ['BAD_REQUEST', 'FORBIDDEN', 'HISTORY_OFF', 'UNAVAILABLE', 'TIMEOUT'] as const;
const DAY = 24 * 60 * 60 * 1000;

/** What was verified: page by page, whole, and counted. */
export function historyRoutes(options: HistoryRoutesOptions): readonly Route[] {
  const exports = new Exports();
  return [
    route({
      method: 'get',
      path: '/verifications',
      operationId: 'listVerifications',
      tag: 'history',
      summary: 'What was verified, newest first',
      description:
        'One row for each image and policy of a review, and of each image that `/verify` was asked about. Needs the right to list `verifications`, in the cluster or in the namespace that is filtered by.',
      access: 'signed-in',
      query: verificationsQuery,
      answers: { 200: { description: 'One page.', schema: verificationPageSchema } },
      problems: PROBLEMS,
      handle: async ({ query, caller }) => {
        const { cursor, limit, ...asked } = query;
        await requireRightSomewhere(callerOf(caller), LIST, asked.namespace);
        const { rows, next } = await kept(options).verifications(filterOf(asked), cursor, limit);
        return { status: 200, body: { items: rows.map(entryOf), ...(next !== undefined && { next }) } };
      },
    }),
    route({
      method: 'get',
      path: '/verifications/export',
      operationId: 'exportVerifications',
      tag: 'history',
      summary: 'The same in one file',
      description:
        'Ends after `rows`. An answer that breaks off is not whole: the connection then ends with an error.',
      access: 'signed-in',
      query: exportQuery,
      answers: {
        200: {
          description: 'CSV (RFC 4180) or a JSON list, written as it is read.',
          schema: exportedSchema,
          types: ['text/csv', 'application/json'],
          headers: { 'content-disposition': 'A name for the file.' },
        },
      },
      problems: [...PROBLEMS, 'RATE_LIMITED'],
      handle: async ({ query, caller, signal }) => {
        const { format, rows, ...asked } = query;
        const asker = callerOf(caller);
        await requireRightSomewhere(asker, LIST, asked.namespace);
        const pieces = kept(options).export(format, filterOf(asked), { maxRows: rows, signal });
        const stream = await exports.begin(pieces, signal);
        const name = `verifications-${new Date(options.now()).toISOString().slice(0, 19).replace(/\D/g, '')}.${format}`;
        return {
          status: 200,
          type: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json',
          headers: { 'content-disposition': `attachment; filename="${name}"` },
          stream,
        };
      },
    }),
    route({
      method: 'get',
      path: '/stats',
      operationId: 'getStatistics',
      tag: 'history',
      summary: 'Admissions counted over time',
      description:
        'Counts are kept of the whole cluster: this needs the right to list `verifications` there. What `/verify` was asked about is not counted.',
      access: 'signed-in',
      query: statsQuery,
      answers: { 200: { description: 'For charts.', schema: statsSchema } },
      problems: PROBLEMS,
      handle: async ({ query, caller }) => {
        await requireRight(callerOf(caller), LIST);
        return { status: 200, body: await statsOf(kept(options), rangeOf(query, options.now())) };
      },
    }),
  ];
}

function kept({ history }: HistoryRoutesOptions): NonNullable<HistoryRoutesOptions['history']> {
  if (history !== undefined) return history;
  const detail =
    'This installation keeps no history: set history.path, history.url or dataDirectory in its settings.';
  throw new ApiProblem('HISTORY_OFF', detail);
}

function rangeOf(
  query: {
    readonly from?: string | undefined;
    readonly until?: string | undefined;
    readonly bucketSeconds: number;
  },
  now: number,
): StatsRange {
  const bucket = query.bucketSeconds * 1000;
  if (bucket % BUCKET !== 0) {
    throw new ApiProblem('BAD_REQUEST', 'The query is not right. See errors.', {
      errors: [{ field: 'bucketSeconds', message: 'must be a multiple of 300' }],
    });
  }
  const until = timeOf('until', query.until) ?? now;
  const from = timeOf('from', query.from) ?? Math.max(0, until - DAY);
  if (query.until !== undefined) checkOrder(from, until);
  return { from, until, bucket };
}
