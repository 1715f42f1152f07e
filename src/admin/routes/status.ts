import { route, type Route } from '../route.ts';
import { statusSchema, type InstallationStatus } from '../schemas/status.ts';

/** How the installation is. */
export function statusRoutes(status: () => InstallationStatus): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/status',
      operationId: 'getStatus',
      tag: 'status',
      summary: 'What this installation is, and how it is',
      access: 'signed-in',
      answers: { 200: { description: 'As this replica sees it.', schema: statusSchema } },
      problems: [],
      handle: () => Promise.resolve({ status: 200, body: status() }),
    }),
  ];
}
