import type { StoredChange } from '../../history/change.ts';
import type { Reader } from '../../history/reader.ts';
import { ApiProblem } from '../problem.ts';
import { callerOf, requireRight } from '../rights.ts';
import { route, type Route } from '../route.ts';
import { changePageSchema, changesQuery, type ChangeEntry } from '../schemas/history.ts';

/** Who changed what. @param history undefined where none is kept */
export function changeRoutes(history: Pick<Reader, 'changes'> | undefined): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/changes',
      operationId: 'listChanges',
      tag: 'history',
      summary: 'Who changed what, newest first',
      description:
        'Changes that were made through this API and the page; of those that were made past them the audit log of the API server tells. Needs the right to list `changes`.',
      access: 'signed-in',
      query: changesQuery,
      answers: { 200: { description: 'One page.', schema: changePageSchema } },
      problems: ['BAD_REQUEST', 'FORBIDDEN', 'HISTORY_OFF', 'UNAVAILABLE', 'TIMEOUT'],
      handle: async ({ query: { actor, name, cursor, limit }, caller }) => {
        await requireRight(callerOf(caller), { verb: 'list', resource: 'changes' });
        if (history === undefined) {
          const detail =
            'This installation keeps no history: set history.path, history.url or dataDirectory in its settings.';
          throw new ApiProblem('HISTORY_OFF', detail);
        }
        const filter = { ...(actor !== undefined && { actor }), ...(name !== undefined && { name }) };
        const { rows, next } = await history.changes(filter, cursor, limit);
        return { status: 200, body: { items: rows.map(entryOf), ...(next !== undefined && { next }) } };
      },
    }),
  ];
}

function entryOf({ time, namespace, before, after, ...change }: StoredChange): ChangeEntry {
  return {
    ...change,
    time: new Date(time).toISOString(),
    ...(namespace !== '' && { namespace }),
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
  };
}
