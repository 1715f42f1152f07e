import type { Kind } from '../../api/envelope.ts';
import { RESOURCES } from '../../store/resource-kinds.ts';
import type { AccessResource, Caller } from '../caller.ts';
import { callerOf } from '../rights.ts';
import { route, type Route } from '../route.ts';
import { statusSchema, type InstallationStatus } from '../schemas/status.ts';

/** Kinds of which somebody may be told what is wrong with them. */
export type SeenKinds = ReadonlySet<Kind>;

/** How the installation is. @param status as whoever sees these kinds may be told */
export function statusRoutes(status: (seen: SeenKinds) => InstallationStatus): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/status',
      operationId: 'getStatus',
      tag: 'status',
      summary: 'What this installation is, and how it is',
      description:
        'For whoever is signed in. Problems only of the kinds that the caller may list in the whole cluster: they name resources, and say what stands in them.',
      access: 'signed-in',
      answers: { 200: { description: 'As this replica sees it.', schema: statusSchema } },
      problems: ['UNAVAILABLE'],
      handle: async ({ caller }) => ({ status: 200, body: status(await seenBy(callerOf(caller))) }),
    }),
  ];
}

/** Every ServiceAccount of a cluster can sign in. */
async function seenBy({ may }: Caller): Promise<SeenKinds> {
  const kinds = Object.keys(RESOURCES) as Kind[];
  const rights = await Promise.all(
    kinds.map((kind) => may({ verb: 'list', resource: RESOURCES[kind] as AccessResource })),
  );
  return new Set(kinds.filter((_, index) => rights[index] === true));
}
