import * as z from 'zod';
import { clusterPolicySpec, namespacedPolicySpec } from '../../api/policy-schema.ts';
import { objectName } from '../../api/schema.ts';
import { DeskError, type DraftDocument } from '../../store/resource-desk.ts';
import { ApiProblem } from '../problem.ts';
import type { Order, ResourceOffice } from '../resource-office.ts';
import type { ResourceView } from '../resource-views.ts';
import { callerOf } from '../rights.ts';
import { route, type Route } from '../route.ts';
import { dryRunQuery } from '../schemas/common.ts';
import { draftSchema, modeChangeSchema, namespacedDraftSchema, policySchema } from '../schemas/resources.ts';
import { answersOf, type Noun } from './resource-noun.ts';
import { createRoute, deleteRoute, getRoute, listRoute, replaceRoute, verbRoute } from './resources.ts';

const ANSWERS = answersOf('Policy', policySchema);
const CLUSTER: Noun = {
  kind: 'ClusterSigningPolicy',
  path: '/policies',
  one: 'ClusterPolicy',
  many: 'Policies',
  words: 'policy of the cluster',
  draft: draftSchema('ClusterSigningPolicy', clusterPolicySpec),
  answers: ANSWERS,
};
const NAMESPACED: Noun = {
  kind: 'SigningPolicy',
  path: '/namespaces/{namespace}/policies',
  one: 'NamespacedPolicy',
  many: 'NamespacedPolicies',
  words: 'policy of a namespace',
  draft: namespacedDraftSchema('SigningPolicy', namespacedPolicySpec),
  answers: ANSWERS,
};

const confirmQuery = z.strictObject({
  ...dryRunQuery.shape,
  confirm: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: the mode may become a weaker one, under which images that fail are admitted.'),
});
const MAX_MODE_BYTES = 1024;

/** Policies of the cluster and of its namespaces. A weaker mode has to be confirmed: nothing switches "Enforce" off by accident. */
export function policyRoutes(office: ResourceOffice): readonly Route[] {
  const isWeaker = (document: DraftDocument, query: unknown, order: Order): Promise<boolean> =>
    checkMode(office, document, { order, confirm: (query as { confirm: string }).confirm === 'true' });
  const own = (noun: Noun): readonly Route[] => [
    createRoute(noun, office),
    getRoute(noun, office),
    replaceRoute(noun, office, { query: confirmQuery, isWeaker }),
    deleteRoute(noun, office),
    modeRoute(noun, office),
  ];
  return [listAllRoute(office), ...own(CLUSTER), listRoute(NAMESPACED, office), ...own(NAMESPACED)];
}

function listAllRoute(office: ResourceOffice): Route {
  return route({
    method: 'get',
    path: '/policies',
    operationId: 'listPolicies',
    tag: 'resources',
    summary: 'All policies, of the cluster and of namespaces',
    description:
      'At most 500 of each kind. Of the two kinds those that the caller may list; `isComplete` is false where one is left out.',
    access: 'signed-in',
    query: z.strictObject({
      namespace: objectName()
        .optional()
        .describe('Beside those of the cluster only those of this namespace.'),
    }),
    answers: { 200: { description: 'What there is.', schema: ANSWERS.list } },
    problems: ['FORBIDDEN', 'UNAVAILABLE'],
    handle: async ({ query: { namespace }, caller, signal }) => {
      const who = callerOf(caller);
      const [cluster, namespaced] = await Promise.allSettled([
        office.list('ClusterSigningPolicy', { caller: who, signal }),
        office.list('SigningPolicy', { caller: who, signal, namespace }),
      ]);
      return { status: 200, body: together(cluster, namespaced) };
    },
  });
}

type Listed = { readonly items: readonly ResourceView[]; readonly isComplete: boolean };

/** @throws what the first list threw, when neither can be had, or for another reason than a missing right */
function together(...lists: readonly PromiseSettledResult<Listed>[]): Listed {
  const failures = lists.flatMap((list) => (list.status === 'rejected' ? [list.reason as unknown] : []));
  const grave = failures.find((error) => !(error instanceof DeskError && error.code === 'FORBIDDEN'));
  if (grave !== undefined) throw grave;
  if (failures.length === lists.length) throw failures[0];
  const listed = lists.flatMap((list) => (list.status === 'fulfilled' ? [list.value] : []));
  return {
    items: listed.flatMap(({ items }) => items),
    isComplete: failures.length === 0 && listed.every(({ isComplete }) => isComplete),
  };
}

function modeRoute(noun: Noun, office: ResourceOffice): Route {
  return verbRoute(noun, {
    verb: 'mode',
    operationId: `setModeOf${noun.one}`,
    summary: `Another mode for a ${noun.words}`,
    description:
      'From `Enforce` to `Warn` or `Audit`, and from `Warn` to `Audit`, only with `confirm: true`.',
    body: { schema: modeChangeSchema, types: ['application/json'], limit: MAX_MODE_BYTES },
    act: (name, order, { mode, confirm }) =>
      office.patch(name, order, async () => {
        const stored = await office.read(name, order);
        const isWeaker = checkWeaker(stored.spec['mode'], mode, confirm || order.dryRun, 'confirm: true');
        // Of a stricter mode no version is asked: it must not fail because a text was edited.
        return { spec: { mode }, version: isWeaker ? stored.metadata.resourceVersion : undefined, isWeaker };
      }),
  });
}

async function checkMode(
  office: ResourceOffice,
  document: DraftDocument,
  { order, confirm }: { readonly order: Order; readonly confirm: boolean },
): Promise<boolean> {
  const stored = await office.read(document, order);
  return checkWeaker(stored.spec['mode'], document.spec['mode'], confirm || order.dryRun, '?confirm=true');
}

const STRENGTH = { Enforce: 2, Warn: 1, Audit: 0 } as const;

/** Of a dry run nothing is to be confirmed. @returns whether it is weaker @throws ApiProblem INVALID when it is, and nobody confirmed that */
function checkWeaker(before: unknown, after: unknown, confirm: boolean, how: string): boolean {
  if (strengthOf(after) >= strengthOf(before)) return false;
  if (confirm) return true;
  const message = `is weaker than what is stored: images that fail would be admitted. Confirm it with ${how}`;
  throw new ApiProblem('INVALID', 'A weaker mode has to be confirmed. See errors.', {
    errors: [{ field: 'spec.mode', message }],
  });
}

/** A mode that cannot be read is in force as Enforce. */
function strengthOf(mode: unknown): number {
  return mode === 'Warn' || mode === 'Audit' ? STRENGTH[mode] : STRENGTH.Enforce;
}
