import { trustRootSpec } from '../../api/trust-schema.ts';
import type { ResourceOffice } from '../resource-office.ts';
import type { Route } from '../route.ts';
import { draftSchema, trustRootSchema } from '../schemas/resources.ts';
import { answersOf, type Noun } from './resource-noun.ts';
import { createRoute, deleteRoute, getRoute, listRoute, replaceRoute } from './resources.ts';

const TRUST_ROOTS: Noun = {
  kind: 'TrustRoot',
  path: '/trust-roots',
  one: 'TrustRoot',
  many: 'TrustRoots',
  words: 'trust root',
  draft: draftSchema('TrustRoot', trustRootSpec),
  answers: answersOf('TrustRoot', trustRootSchema),
};

/** Trust roots, also those that are built in: until a document replaces them they can be read, and nothing else. */
export function trustRootRoutes(office: ResourceOffice): readonly Route[] {
  return [
    listRoute,
    createRoute,
    getRoute,
    (noun: Noun, of: ResourceOffice) => replaceRoute(noun, of),
    deleteRoute,
  ].map((make) => make(TRUST_ROOTS, office));
}
