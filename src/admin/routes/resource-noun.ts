import * as z from 'zod';
import type { Kind } from '../../api/envelope.ts';
import { objectName } from '../../api/schema.ts';
import type { DocumentName } from '../../store/resource-desk.ts';
import type { Order } from '../resource-office.ts';
import { callerOf } from '../rights.ts';
import type { ApiRequest } from '../route.ts';
import { listSchema, writtenSchema } from '../schemas/resources.ts';

/** A kind of document under its paths. */
export interface Noun {
  readonly kind: Kind;
  /** `/signers`, or with `{namespace}`. */
  readonly path: string;
  /** `Signer`: end of the names of operations. */
  readonly one: string;
  readonly many: string;
  /** What people call it. */
  readonly words: string;
  readonly draft: z.ZodType;
  readonly answers: NounAnswers;
}

export interface NounAnswers {
  readonly item: z.ZodType;
  readonly list: z.ZodType;
  readonly written: z.ZodType;
}

/** Schemas of a noun's answers; kinds that look alike share them. */
export function answersOf(id: string, item: z.ZodType): NounAnswers {
  return { item, list: listSchema(`${id}List`, item), written: writtenSchema(`${id}Written`, item) };
}

export interface ResourceParams {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** What no document can be called leads nowhere, and least of all into another path of the API server. */
const nameParam = objectName();
export const ETAG = { etag: 'The version, for If-Match.' };

export function paramsOf({ path }: Noun): z.ZodObject {
  return path.includes('{namespace}')
    ? z.strictObject({ namespace: nameParam, name: nameParam })
    : z.strictObject({ name: nameParam });
}

export function collectionParams({ path }: Noun): z.ZodObject | undefined {
  return path.includes('{namespace}') ? z.strictObject({ namespace: nameParam }) : undefined;
}

/** What a write comes back with, by status. */
export function writtenAnswers({ answers: { written } }: Noun) {
  return {
    200: { description: 'Done, and this replica decides by it.', schema: written, headers: ETAG },
    202: { description: 'Stored; this replica does not decide by it yet.', schema: written, headers: ETAG },
  } as const;
}

export function nameOf({ kind }: Noun, { namespace, name }: ResourceParams): DocumentName {
  return { kind, namespace, name };
}

export type DryRun = { readonly dryRun: 'true' | 'false' };

export function orderOf(
  action: string,
  { query, caller, signal }: Pick<ApiRequest<unknown, DryRun>, 'query' | 'caller' | 'signal'>,
): Order {
  return { action, caller: callerOf(caller), dryRun: query.dryRun === 'true', signal };
}
