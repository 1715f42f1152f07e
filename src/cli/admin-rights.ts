import { AccessReviewer } from '../admin/access-review.ts';
import type { CallServerOptions } from '../admin/calls/call-server.ts';
import type { AdminContext } from './admin-context.ts';

/** What a caller may do: the API server's word in a cluster, for who has a token; everything standalone, for who came in. */
export function rightsOf({ surroundings: { cluster }, logger }: AdminContext): CallServerOptions['may'] {
  if (cluster === undefined) return () => Promise.resolve(true);
  const reviewer = new AccessReviewer(cluster.callers, logger);
  return async ({ token }, question, signal) =>
    token !== undefined && (await reviewer.may(token, question, signal));
}
