import { RESOURCES } from '../../store/resource-kinds.ts';
import type { AccessResource, Caller } from '../caller.ts';
import { subjectOfChange } from '../impact-change.ts';
import type { Impact, ReadQuestion } from '../impact.ts';
import { callerOf, requireRight, requireRightSomewhere } from '../rights.ts';
import { route, type Route } from '../route.ts';
import { impactAnswerSchema, impactQuestionSchema } from '../schemas/impact.ts';
import { MAX_DOCUMENT_BYTES } from '../schemas/resources.ts';

/** "What would this refuse?" */
export function impactRoutes(impact: Impact): readonly Route[] {
  return [
    route({
      method: 'post',
      path: '/impact',
      operationId: 'askImpact',
      tag: 'verify',
      summary: 'What the images that run now would be told after a change',
      description:
        'Nothing is changed. Both states are judged from the same facts by what the webhook decides with. Keys and roots that only the changed document refers to are not fetched: they make `unknown`.',
      access: 'signed-in',
      rate: 'outbound',
      body: {
        schema: impactQuestionSchema,
        types: ['application/json', 'application/yaml'],
        limit: MAX_DOCUMENT_BYTES,
      },
      answers: { 200: { description: 'What would change.', schema: impactAnswerSchema } },
      problems: ['FORBIDDEN', 'INVALID', 'RATE_LIMITED', 'UNAVAILABLE', 'TIMEOUT'],
      handle: async ({ body, caller, signal }) => {
        const asker = callerOf(caller);
        const question = await impact.read(body, signal);
        await mayAsk(asker, question);
        return { status: 200, body: await impact.of(question, asker, signal) };
      },
    }),
  ];
}

/** Whoever may see the documents of this kind, and the Pods. */
async function mayAsk(caller: Caller, { change, namespace }: ReadQuestion): Promise<void> {
  const subject = subjectOfChange(change);
  const kind = subject?.kind ?? 'ClusterSigningPolicy';
  const list = { verb: 'list', resource: RESOURCES[kind] as AccessResource } as const;
  await (subject !== undefined && 'namespace' in subject && subject.namespace !== undefined
    ? requireRightSomewhere(caller, list, subject.namespace)
    : requireRight(caller, list));
  await requireRightSomewhere(caller, { verb: 'list', resource: 'pods' }, namespace);
}
