import * as z from 'zod';
import { PROBLEMS, problemSchema, type ProblemCode } from './problem.ts';
import { route, type AnswerDescription, type Route } from './route.ts';
import { SchemaBook, type JsonSchema } from './schema-book.ts';

export interface Installation {
  readonly mode: 'cluster' | 'standalone';
  readonly version: string;
}

/** What any operation may end in, whatever it does. */
const ALWAYS: readonly ProblemCode[] = [
  'BAD_REQUEST',
  'MISDIRECTED',
  'CROSS_SITE',
  'RATE_LIMITED',
  'INTERNAL',
  'UNAVAILABLE',
  'TIMEOUT',
];
/** A header with wrong credentials is refused also where nobody has to sign in. */
const OF_CREDENTIALS: readonly ProblemCode[] = ['UNAUTHENTICATED', 'FORBIDDEN'];
const OF_PATH: readonly ProblemCode[] = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'];
const OF_BODY: readonly ProblemCode[] = ['TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID'];

/** Every code that an operation may end in. */
export function problemsOf({ problems, body }: Pick<Route, 'problems' | 'body'>): readonly ProblemCode[] {
  const all = [...ALWAYS, ...OF_CREDENTIALS, ...OF_PATH, ...(body === undefined ? [] : OF_BODY), ...problems];
  return [...new Set(all)];
}

/** `GET /openapi.json`, which describes itself too. */
export function openApiRoute(routes: readonly Route[], installation: Installation): Route {
  let text: object | undefined;
  const self: Route = route({
    method: 'get',
    path: '/openapi.json',
    operationId: 'describeApi',
    tag: 'status',
    summary: 'This description',
    access: 'anyone',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.record(z.string(), z.unknown()) } },
    problems: [],
    handle: () => {
      text ??= describeApi([...routes, self], installation);
      return Promise.resolve({ status: 200, body: text });
    },
  });
  return self;
}

/** The API as OpenAPI 3.1, from the same schemas that requests are held against. */
export function describeApi(routes: readonly Route[], { mode, version }: Installation): object {
  const book = new SchemaBook();
  const paths: Record<string, Record<string, object>> = {};
  for (const each of routes) (paths[each.path] ??= {})[each.method] = operation(each, mode, book);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Countersign',
      version,
      description:
        'Trusted signers, policies and the history of verifications. Everything that is no success is a problem document (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    tags: TAGS.map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: book.components(), securitySchemes: securitySchemes(mode) },
  };
}

const TAGS = [
  ['session', 'Signing in and out, and what one may do.'],
  ['resources', 'Signers, policies, trust roots and exceptions.'],
  ['keys', 'What a key is.'],
  ['verify', 'Verify images here and now.'],
  ['history', 'What was verified, and who changed what.'],
  ['status', 'The installation.'],
] as const satisfies readonly (readonly [Route['tag'], string])[];

function operation(each: Route, mode: Installation['mode'], book: SchemaBook): object {
  return {
    operationId: each.operationId,
    tags: [each.tag],
    summary: each.summary,
    ...(each.description !== undefined && { description: each.description }),
    parameters: [
      ...parameters(each.params, 'path', book),
      ...parameters(each.query, 'query', book),
      ...parameters(each.headers, 'header', book),
    ],
    ...(each.body !== undefined && { requestBody: requestBody(each.body, book) }),
    responses: { ...answers(each, book), ...problemAnswers(each, book) },
    security: security(each, mode),
  };
}

function parameters(schema: z.ZodObject | undefined, place: 'path' | 'query' | 'header', book: SchemaBook) {
  if (schema === undefined) return [];
  const { properties, required } = book.inline(schema, 'input') as {
    properties: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required?.includes(name) === true,
    ...(property['description'] !== undefined && { description: property['description'] }),
    schema: property,
  }));
}

function requestBody({ schema, types }: NonNullable<Route['body']>, book: SchemaBook): object {
  const described = book.reference(schema, 'input');
  return { required: true, content: Object.fromEntries(types.map((type) => [type, { schema: described }])) };
}

function answers({ answers: described }: Route, book: SchemaBook): Record<string, object> {
  return Object.fromEntries(
    Object.entries(described).map(([status, answer]) => [status, answerOf(answer, book)]),
  );
}

function answerOf({ description, schema, types, headers }: AnswerDescription, book: SchemaBook): object {
  const described = schema === undefined ? undefined : book.reference(schema, 'output');
  const texts = types ?? (described === undefined ? [] : ['application/json']);
  const content = texts.map((type) => [
    type,
    { schema: type === 'application/json' && described !== undefined ? described : { type: 'string' } },
  ]);
  const told = Object.entries(headers ?? {}).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(told.length > 0 && { headers: Object.fromEntries(told) as object }),
    ...(content.length > 0 && { content: Object.fromEntries(content) as object }),
  };
}

/** One answer for each status, with the codes that come with it. */
function problemAnswers(each: Route, book: SchemaBook): Record<string, object> {
  const codes = Map.groupBy(problemsOf(each), (code) => PROBLEMS[code][0]);
  const schema = book.reference(problemSchema, 'output');
  return Object.fromEntries(
    [...codes].map(([status, of]) => [
      String(status),
      {
        description: of.map((code) => `${code}: ${PROBLEMS[code][1]}.`).join(' '),
        ...headersOf(status),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  );
}

function headersOf(status: number): object {
  const text = { schema: { type: 'string' } };
  switch (status) {
    case 401:
      return { headers: { 'WWW-Authenticate': { ...text, description: 'How programs say who they are.' } } };
    case 405:
      return { headers: { Allow: { ...text, description: 'The methods that there are.' } } };
    case 429:
    case 503:
      return { headers: { 'Retry-After': { ...text, description: 'Seconds.' } } };
    default:
      return {};
  }
}

function security({ access, method }: Route, mode: Installation['mode']): readonly object[] {
  const session = method === 'get' ? { session: [] } : { session: [], csrf: [] };
  const programs = mode === 'cluster' ? { bearer: [] } : { basic: [] };
  return [session, programs, ...(access === 'anyone' ? [{}] : [])];
}

function securitySchemes(mode: Installation['mode']): object {
  return {
    session: { type: 'apiKey', in: 'cookie', name: '__Host-countersign', description: 'From POST /session.' },
    csrf: {
      type: 'apiKey',
      in: 'header',
      name: 'X-CSRF-Token',
      description: '`csrfToken` of GET /session, with everything that changes something.',
    },
    ...(mode === 'cluster'
      ? { bearer: { type: 'http', scheme: 'bearer', description: 'A Kubernetes token.' } }
      : { basic: { type: 'http', scheme: 'basic', description: 'admin and the password.' } }),
  };
}
