import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { SnapshotSource } from '../../admission/ports.ts';
import { Fault } from '../../errors.ts';
import { policyKey } from '../../policy/exception.ts';
import type { Assessments } from '../assessments.ts';
import type { Caller } from '../caller.ts';
import { ApiProblem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { assessmentIdSchema, assessmentSchema, verifyRequestSchema } from '../schemas/verify.ts';
import { callerOf, requireRight } from '../rights.ts';

export interface VerifyRoutesOptions {
  readonly assessments: Assessments;
  readonly snapshots: SnapshotSource;
}

/** Fifty names of images, and the rest. */
const BODY_LIMIT = 64 * 1024;

/** The assessment service's door. */
export function verifyRoutes({ assessments, snapshots }: VerifyRoutesOptions): readonly Route[] {
  return [
    route({
      method: 'post',
      path: '/verify',
      operationId: 'verifyImages',
      tag: 'verify',
      summary: 'Have images verified',
      description:
        'One image or several, as the webhook would judge them in a template of a workload: the same policies, the same codes. Kept in the history as operation VERIFY.',
      access: 'signed-in',
      rate: 'outbound',
      body: { schema: verifyRequestSchema, types: ['application/json'], limit: BODY_LIMIT },
      answers: {
        200: {
          description: 'Judged. Whether they are verified stands in `status`.',
          schema: assessmentSchema,
        },
        202: {
          description: '`async`: under way.',
          schema: assessmentSchema,
          headers: { location: 'Where the answer will be, for at most 15 minutes.' },
        },
      },
      problems: ['FORBIDDEN', 'ALREADY_EXISTS', 'INVALID', 'RATE_LIMITED', 'TIMEOUT'],
      handle: async ({ body, caller, signal }) => {
        const asker = callerOf(caller);
        await mayAsk(asker, body.namespace);
        checkPolicy(snapshots, body);
        const request = {
          id: body.assessmentId ?? randomUUID(),
          images: body.images ?? [body.image ?? ''],
          scope: { namespace: body.namespace, policy: body.policy },
          explain: body.explain,
          user: asker.name,
        };
        if (!body.async) return { status: 200, body: await assessments.run(request, signal) };
        const running = assessments.begin(request);
        const location = `/api/v1/verify/${encodeURIComponent(request.id)}`;
        return { status: 202, body: running, headers: { location } };
      },
    }),
    route({
      method: 'get',
      path: '/verify/{id}',
      operationId: 'getAssessment',
      tag: 'verify',
      summary: 'The answer of an asynchronous call',
      description: 'For whoever made the call, on the replica that took it.',
      access: 'signed-in',
      params: z.strictObject({ id: assessmentIdSchema }),
      answers: { 200: { description: 'Under way, or done.', schema: assessmentSchema } },
      problems: ['NOT_FOUND'],
      handle: async ({ params, caller }) => {
        const found = assessments.find(params.id, callerOf(caller).name);
        if (found !== undefined) return { status: 200, body: found };
        throw new ApiProblem(
          'NOT_FOUND',
          'There is no such assessment of yours here: it was made more than 15 minutes ago, on another replica, or not asynchronously.',
        );
      },
    }),
  ];
}

/** Who may create a Pod in a namespace may use its pull secrets, and so be told what they lead to. */
async function mayAsk(caller: Caller, namespace: string | undefined): Promise<void> {
  await (namespace === undefined
    ? requireRight(caller, { verb: 'create', resource: 'verifications' })
    : requireRight(caller, { verb: 'create', resource: 'pods', namespace }));
}

/** What is not there is told before anything is asked of a registry; of other namespaces' policies nothing is told at all. */
function checkPolicy(
  snapshots: SnapshotSource,
  { policy, namespace }: { readonly policy?: string | undefined; readonly namespace?: string | undefined },
): void {
  if (policy === undefined) return;
  let policies;
  try {
    policies = snapshots.current().policies;
  } catch (error) {
    // That nothing is known yet is an answer for each image.
    if (error instanceof Fault) return;
    throw error;
  }
  const isThere = policies.some(
    ({ policy: each }) =>
      policyKey(each) === policy &&
      (namespace === undefined || each.namespace === undefined || each.namespace === namespace),
  );
  if (isThere) return;
  const message =
    'names no policy that applies here: give the name of a ClusterSigningPolicy, or namespace/name of a SigningPolicy';
  throw new ApiProblem('INVALID', 'There is no such policy.', { errors: [{ field: 'policy', message }] });
}
