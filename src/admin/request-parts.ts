import type { Request } from 'express';
import type * as z from 'zod';
import { readValue } from '../api/field-problems.ts';
import { Refusal } from '../errors.ts';
import { readBody, type BodyBudget } from '../http/request-body.ts';
import { LIMITS } from '../limits.ts';
import { decodeUtf8, parseStrictJson } from '../strict-json.ts';
import { ApiProblem, type FieldProblem, type ProblemCode } from './problem.ts';
import type { BodyType, Route } from './route.ts';
import type { SlowWork } from './slow-work.ts';
import { parseYamlBody } from './yaml-body.ts';

/** A client that went away while its body was read: nobody is there to read an answer. */
export class ClientGone extends Error {}

/** `{name}`s of the path. A name that cannot be is one that is not there. @throws ApiProblem BAD_REQUEST */
export function readParams(route: Route, params: Readonly<Record<string, string>>): unknown {
  return route.params === undefined
    ? undefined
    : checked(route.params, params, 'BAD_REQUEST', 'The path is not right.');
}

/** @throws ApiProblem BAD_REQUEST for what is unknown, there twice or not of the right shape */
export function readQuery(route: Route, url: string): unknown {
  const start = url.indexOf('?');
  const values = new Map<string, string>();
  const errors: FieldProblem[] = [];
  for (const pair of start === -1 ? [] : url.slice(start + 1).split('&')) {
    if (pair === '') continue;
    const [name, value] = decodePair(pair);
    if (value === undefined) {
      errors.push({ field: shown(name), message: 'must be percent-encoded UTF-8' });
      continue;
    }
    if (values.has(name)) errors.push({ field: shown(name), message: 'is there twice' });
    if (route.query === undefined) errors.push({ field: shown(name), message: 'is not a known parameter' });
    values.set(name, value);
  }
  if (errors.length > 0) throw wrongQuery(errors.slice(0, 20));
  return (
    route.query && checked(route.query, Object.fromEntries(values), 'BAD_REQUEST', 'The query is not right.')
  );
}

/** URLSearchParams would put U+FFFD in the place of what is not UTF-8, and leave a wrong `%` as it is. */
function decodePair(pair: string): readonly [name: string, value: string | undefined] {
  const at = pair.indexOf('=');
  const [name, value] = at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  try {
    return [decodeText(name), decodeText(value)];
  } catch {
    return [name, undefined];
  }
}

/** @throws URIError */
function decodeText(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

/** Only those that the route names. @throws ApiProblem BAD_REQUEST */
export function readHeaders(route: Route, { headersDistinct }: Request): unknown {
  if (route.headers === undefined) return undefined;
  const values: Record<string, string> = {};
  for (const name of Object.keys(route.headers.shape)) {
    const [value, second] = headersDistinct[name] ?? [];
    if (second !== undefined)
      throw new ApiProblem('BAD_REQUEST', 'A header is not right.', {
        errors: [{ field: name, message: 'is there twice' }],
      });
    if (value !== undefined) values[name] = value;
  }
  return checked(route.headers, values, 'BAD_REQUEST', 'A header is not right.');
}

/** What reading a body has to keep to. */
export interface BodyReading {
  readonly budget: BodyBudget;
  readonly slowly: SlowWork;
  readonly signal: AbortSignal;
  /** Sees what stands in it before it is held against its schema. */
  readonly onParsed: (json: unknown) => void;
}

/**
 * The body as its schema reads it, and how to give its room back.
 * @throws ApiProblem BAD_REQUEST, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID or UNAVAILABLE; ClientGone
 */
export async function readRequestBody(
  route: Route,
  request: Request,
  { budget, slowly, signal, onParsed }: BodyReading,
): Promise<{ readonly value: unknown; readonly release: () => void }> {
  if (route.body === undefined) {
    refuseBody(request);
    return { value: undefined, release: () => undefined };
  }
  const { schema, types, limit } = route.body;
  const type = bodyType(request, types);
  const body = await readBody(request, limit, budget);
  switch (body.kind) {
    case 'too-large':
      throw new ApiProblem('TOO_LARGE', `The body may have ${limit} bytes here.`);
    case 'no-room':
      throw new ApiProblem('UNAVAILABLE', 'Too much is being sent at once.', { retryAfter: 1 });
    case 'cut-off':
      throw new ClientGone();
    case 'read':
  }
  try {
    const read = () => {
      const json = parseBody(body.bytes, type);
      onParsed(json);
      return checked(schema, json, 'INVALID', 'The body is not right.');
    };
    const value = isSlow(route, type, body.bytes) ? await slowly.run(signal, read) : read();
    return { value, release: body.release };
  } catch (error) {
    body.release();
    throw error;
  }
}

/** JSON of fewer bytes is read, and told what is wrong with it, in a few milliseconds. */
const QUICK_BYTES = 4 * 1024;

/** Whoever signs in waits for nobody's documents. */
function isSlow({ access }: Route, type: BodyType, { length }: Uint8Array): boolean {
  return type === 'application/yaml' || (access !== 'anyone' && length > QUICK_BYTES);
}

function refuseBody({ headers }: Request): void {
  const hasBody = Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;
  if (hasBody) throw new ApiProblem('BAD_REQUEST', 'This takes no body.');
}

function bodyType({ headers }: Request, types: readonly BodyType[]): BodyType {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  const found = types.find((each) => each === type);
  // A compressed body could be a thousand times what its limit says.
  if (found === undefined || encoding !== 'identity')
    throw new ApiProblem(
      'UNSUPPORTED_MEDIA_TYPE',
      `The body has to be ${types.join(' or ')}, without a content encoding.`,
    );
  return found;
}

function parseBody(bytes: Uint8Array, type: BodyType): unknown {
  try {
    const json =
      type === 'application/json'
        ? parseStrictJson(bytes, 'the body', { tokens: LIMITS.documentTokens })
        : parseYamlBody(decodeUtf8(bytes, 'the body'));
    refusePrototypes(json, '');
    return json;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new ApiProblem(
      error.code === 'LIMIT' ? 'TOO_LARGE' : 'BAD_REQUEST',
      `The body cannot be read: ${error.message}.`,
    );
  }
}

/** A plain key for JSON, and a trap for whoever copies the object. Depth is bounded by the parsers. */
function refusePrototypes(json: unknown, at: string): void {
  if (typeof json !== 'object' || json === null) return;
  for (const [key, value] of Object.entries(json)) {
    const field = at === '' ? key : `${at}.${key}`;
    if (key === '__proto__')
      throw new ApiProblem('BAD_REQUEST', 'The body has a key that no document here has.', {
        errors: [{ field: shown(field), message: 'is not a known field' }],
      });
    refusePrototypes(value, field);
  }
}

/** Fields that are told at once: more than a person mends in one go. */
const MAX_ERRORS = 100;

function checked(schema: z.ZodType, json: unknown, code: ProblemCode, what: string): unknown {
  const { value, problems } = readValue(schema, json, '');
  if (problems.length === 0) return value;
  const errors = problems.slice(0, MAX_ERRORS).map(({ field, message }) => ({ field, message }));
  throw new ApiProblem(code, `${what} See errors.`, { errors });
}

function wrongQuery(errors: readonly FieldProblem[]): ApiProblem {
  return new ApiProblem('BAD_REQUEST', 'The query is not right. See errors.', { errors });
}

function shown(name: string): string {
  return name.slice(0, 128).replace(/[^ -~]/g, '?');
}
