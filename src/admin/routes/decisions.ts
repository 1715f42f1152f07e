import * as z from 'zod';
import type { LiveDecisions } from '../live-decisions.ts';
import { callerOf, requireRightSomewhere } from '../rights.ts';
import { route, type Route } from '../route.ts';
import { decisionsQuery } from '../schemas/history.ts';

/** Decisions while they are made. */
export function decisionRoutes(live: LiveDecisions): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/decisions',
      operationId: 'followDecisions',
      tag: 'history',
      summary: 'Decisions of this replica as they are made, as server-sent events',
      description:
        '`event: decision` with a LiveDecision as JSON; `event: snapshot` with the number of the policies that decide from then on; `event: dropped` with `{"events": n}` for those that came too fast (null: nobody knows how many). Of one namespace for whoever may list `verifications` only there.',
      access: 'signed-in',
      query: decisionsQuery,
      headers: z.strictObject({
        'last-event-id': z
          .string()
          .max(64)
          .optional()
          .describe(
            'Of the last event that was read: what came after it is sent first, as far as it is known.',
          ),
      }),
      answers: { 200: { description: 'A stream.', types: ['text/event-stream'] } },
      problems: ['FORBIDDEN', 'RATE_LIMITED', 'UNAVAILABLE'],
      handle: async ({ query: { namespace }, headers, caller, signal }) => {
        const right = { verb: 'list', resource: 'verifications' } as const;
        await requireRightSomewhere(callerOf(caller), right, namespace);
        const stream = live.subscribe({ namespace, lastEventId: headers['last-event-id'], signal });
        return { status: 200, type: 'text/event-stream', headers: { 'cache-control': 'no-store' }, stream };
      },
    }),
  ];
}
