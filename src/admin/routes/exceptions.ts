import { signingExceptionSpec } from '../../api/exception-schema.ts';
import type { ResourceOffice } from '../resource-office.ts';
import type { Route } from '../route.ts';
import { draftSchema, exceptionSchema } from '../schemas/resources.ts';
import { answersOf, type Noun } from './resource-noun.ts';
import { createRoute, deleteRoute, getRoute, listRoute } from './resources.ts';

const EXCEPTIONS: Noun = {
  kind: 'SigningException',
  path: '/exceptions',
  one: 'Exception',
  many: 'Exceptions',
  words: 'exception',
  draft: draftSchema('SigningException', signingExceptionSpec),
  answers: answersOf('Exception', exceptionSchema),
};

/** Exceptions: one cannot be changed, only deleted. */
export function exceptionRoutes(office: ResourceOffice): readonly Route[] {
  return [listRoute, createRoute, getRoute, deleteRoute].map((make) => make(EXCEPTIONS, office));
}
