import type * as z from 'zod';
import type { DocumentName, DraftDocument } from '../../store/resource-desk.ts';
import { ApiProblem } from '../problem.ts';
import type { Order, ResourceOffice } from '../resource-office.ts';
import { callerOf } from '../rights.ts';
import { route, type ApiAnswer, type Route } from '../route.ts';
import { dryRunQuery, ifMatchHeader } from '../schemas/common.ts';
import { MAX_DOCUMENT_BYTES } from '../schemas/resources.ts';
import {
  collectionParams,
  ETAG,
  nameOf,
  orderOf,
  paramsOf,
  writtenAnswers,
  type DryRun,
  type Noun,
  type ResourceParams,
} from './resource-noun.ts';

interface Draft {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly labels?: Readonly<Record<string, string>> | undefined;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

const BODY_TYPES = ['application/json', 'application/yaml'] as const;
const READ_PROBLEMS = ['FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'] as const;
const WRITE_PROBLEMS = [...READ_PROBLEMS, 'CONFLICT', 'INVALID'] as const;

export function listRoute(noun: Noun, office: ResourceOffice): Route {
  return route({
    method: 'get',
    path: noun.path,
    operationId: `list${noun.many}`,
    tag: 'resources',
    summary: `All ${noun.words}s`,
    description: 'At most 500, in the order of their names.',
    access: 'signed-in',
    params: collectionParams(noun),
    answers: { 200: { description: 'What there is.', schema: noun.answers.list } },
    problems: READ_PROBLEMS,
    handle: async ({ params, caller, signal }) => {
      const { namespace } = (params ?? {}) as { readonly namespace?: string };
      const body = await office.list(noun.kind, { caller: callerOf(caller), signal, namespace });
      return { status: 200, body };
    },
  });
}

export function getRoute(noun: Noun, office: ResourceOffice): Route {
  return route({
    method: 'get',
    path: `${noun.path}/{name}`,
    operationId: `get${noun.one}`,
    tag: 'resources',
    summary: `One ${noun.words}`,
    access: 'signed-in',
    params: paramsOf(noun),
    answers: { 200: { description: 'As it is stored.', schema: noun.answers.item, headers: ETAG } },
    problems: READ_PROBLEMS,
    handle: ({ params, caller, signal }) =>
      office.show(nameOf(noun, params as unknown as ResourceParams), callerOf(caller), signal),
  });
}

export function createRoute(noun: Noun, office: ResourceOffice): Route {
  const created = { description: 'Created, and this replica decides by it.', schema: noun.answers.written };
  return route({
    method: 'post',
    path: noun.path,
    operationId: `create${noun.one}`,
    tag: 'resources',
    summary: `A new ${noun.words}`,
    access: 'signed-in',
    params: collectionParams(noun),
    query: dryRunQuery,
    body: { schema: noun.draft, types: BODY_TYPES, limit: MAX_DOCUMENT_BYTES },
    answers: {
      ...writtenAnswers(noun),
      201: { ...created, headers: { ...ETAG, location: 'Path of the new document.' } },
    },
    problems: [...WRITE_PROBLEMS, 'ALREADY_EXISTS'],
    handle: ({ params, query, body, caller, signal }) => {
      const { namespace } = (params ?? {}) as { readonly namespace?: string };
      const document = documentOf(noun, body as Draft, namespace);
      const place = noun.path.replace('{namespace}', encodeURIComponent(namespace ?? ''));
      const location = `/api/v1${place}/${encodeURIComponent(document.name)}`;
      return office.create(document, location, orderOf('create', { query, caller, signal }));
    },
    change: { kind: noun.kind, action: 'create' },
  });
}

/** @param refuse looks at what is stored before it is replaced; returns whether what comes is weaker */
export function replaceRoute(
  noun: Noun,
  office: ResourceOffice,
  {
    query = dryRunQuery,
    isWeaker,
  }: {
    readonly query?: z.ZodObject;
    readonly isWeaker?: (document: DraftDocument, query: unknown, order: Order) => Promise<boolean>;
  } = {},
): Route {
  return route({
    method: 'put',
    path: `${noun.path}/{name}`,
    operationId: `replace${noun.one}`,
    tag: 'resources',
    summary: `Another content: ${noun.words}`,
    description: '`If-Match` says which version was seen. Labels that are left out stay as they are.',
    access: 'signed-in',
    params: paramsOf(noun),
    query,
    headers: ifMatchHeader,
    body: { schema: noun.draft, types: BODY_TYPES, limit: MAX_DOCUMENT_BYTES },
    answers: writtenAnswers(noun),
    problems: [...WRITE_PROBLEMS, 'CHANGED_MEANWHILE', 'IF_MATCH_REQUIRED'],
    handle: async ({ params, query: asked, headers, body, caller, signal }) => {
      const { namespace, name } = params as unknown as ResourceParams;
      const version = versionIn(headers);
      if (version === undefined)
        throw new ApiProblem('IF_MATCH_REQUIRED', 'Send the ETag of the document as you saw it in If-Match.');
      const document = documentOf(noun, body as Draft, namespace);
      if (document.name !== name) throw mismatch('metadata.name', name);
      const order = orderOf('update', { query: asked as DryRun, caller, signal });
      return office.replace(document, version, order, isWeaker && (() => isWeaker(document, asked, order)));
    },
    change: { kind: noun.kind, action: 'update' },
  });
}

export function deleteRoute(noun: Noun, office: ResourceOffice): Route {
  return route({
    method: 'delete',
    path: `${noun.path}/{name}`,
    operationId: `delete${noun.one}`,
    tag: 'resources',
    summary: `Delete: ${noun.words}`,
    description: 'With `If-Match` only the version that was seen.',
    access: 'signed-in',
    params: paramsOf(noun),
    query: dryRunQuery,
    headers: ifMatchHeader,
    answers: writtenAnswers(noun),
    problems: [...WRITE_PROBLEMS, 'CHANGED_MEANWHILE'],
    handle: ({ params, query, headers, caller, signal }) =>
      office.delete(
        nameOf(noun, params as unknown as ResourceParams),
        versionIn(headers),
        orderOf('delete', { query, caller, signal }),
      ),
    change: { kind: noun.kind, action: 'delete' },
  });
}

/** A change that has a name of its own: `POST …/{name}/verb`. */
export function verbRoute<const B extends z.ZodType | undefined = undefined>(
  noun: Noun,
  {
    verb,
    act,
    ...words
  }: {
    readonly verb: string;
    readonly operationId: string;
    readonly summary: string;
    readonly description?: string;
    readonly body?: {
      readonly schema: B;
      readonly types: readonly ['application/json'];
      readonly limit: number;
    };
    readonly act: (
      name: DocumentName,
      order: Order,
      body: B extends z.ZodType ? z.output<B> : undefined,
    ) => Promise<ApiAnswer>;
  },
): Route {
  return route({
    method: 'post',
    path: `${noun.path}/{name}/${verb}`,
    tag: 'resources',
    access: 'signed-in',
    params: paramsOf(noun),
    query: dryRunQuery,
    answers: writtenAnswers(noun),
    problems: [...WRITE_PROBLEMS, 'CHANGED_MEANWHILE'],
    ...words,
    handle: ({ params, query, body, caller, signal }) =>
      act(nameOf(noun, params as unknown as ResourceParams), orderOf(verb, { query, caller, signal }), body),
    change: { kind: noun.kind, action: verb },
  });
}

function versionIn(headers: { readonly 'if-match'?: string | undefined }): string | undefined {
  return headers['if-match']?.slice(1, -1);
}

function documentOf({ kind }: Noun, { metadata, spec }: Draft, namespace: string | undefined): DraftDocument {
  if (metadata.namespace !== undefined && metadata.namespace !== namespace)
    throw mismatch('metadata.namespace', namespace ?? '');
  return { kind, namespace, name: metadata.name, labels: metadata.labels, spec };
}

function mismatch(field: string, expected: string): ApiProblem {
  const message = `must be "${expected.slice(0, 253)}", as in the path`;
  return new ApiProblem('INVALID', 'The document is not the one of the path. See errors.', {
    errors: [{ field, message }],
  });
}
