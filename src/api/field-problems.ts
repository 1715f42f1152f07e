import type * as z from 'zod';
import { isAbsent, own, type JsonObject } from '../image/pod.ts';
import { quote } from '../image/quote.ts';
import type { Problem } from './resources.ts';
import { nearestName } from './nearest-name.ts';

/** A field's value where it could be read; what is wrong with it where it could not. */
export interface Read<T> {
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

/** Reads one value by its schema. */
export function readValue<S extends z.ZodType>(schema: S, json: unknown, at: string): Read<z.output<S>> {
  const result = schema.safeParse(json);
  if (result.success) return { value: result.data, problems: [] };
  return {
    value: undefined,
    problems: result.error.issues.flatMap((issue) => problemsOf(issue, json, schema, at)),
  };
}

type Shape = z.ZodRawShape;
/** Each field that could be read, on its own: one bad field does not hide the others. */
export interface ReadFields<S extends Shape> {
  readonly values: { readonly [K in keyof S]?: z.output<S[K]> };
  readonly problems: readonly Problem[];
}

/** Reads each field of an object on its own; conditions over several fields are not looked at. */
export function readFields<S extends Shape>(
  schema: z.ZodObject<S>,
  json: unknown,
  at: string,
): ReadFields<S> {
  if (!isJsonObject(json))
    return { values: {}, problems: [{ field: at, message: wrongType('an object', json) }] };
  const known = Object.keys(schema.shape);
  const problems: Problem[] = unknownFields(json, known, at);
  const values: Record<string, unknown> = {};
  for (const key of known) {
    const read = readValue(schema.shape[key] as unknown as z.ZodType, own(json, key), `${at}.${key}`);
    problems.push(...read.problems);
    if (read.value !== undefined) values[key] = read.value;
  }
  return { values: values as ReadFields<S>['values'], problems };
}

/** Fields that a document has and its schema does not. */
export function unknownFields(json: JsonObject, known: readonly string[], at: string): Problem[] {
  const unknown = Object.keys(json).filter((key) => !known.includes(key));
  return unknownFieldProblems(unknown, known, at);
}

/** More than a person reads. Looking for the nearest name takes a while for each: 97,000 would take seconds. */
const MAX_UNKNOWN_FIELDS = 20;

function unknownFieldProblems(keys: readonly string[], known: readonly string[], at: string): Problem[] {
  const problems = keys.slice(0, MAX_UNKNOWN_FIELDS).map((key) => unknownField(key, known, at));
  const more = keys.length - problems.length;
  if (more > 0) problems.push({ field: at, message: `and ${more} more that are not known fields` });
  return problems;
}

function unknownField(key: string, known: readonly string[], at: string): Problem {
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? `expected ${known.join(', ')}` : `did you mean "${nearest}"?`;
  return { field: join(at, key), message: `is not a known field; ${hint}` };
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, json: unknown, schema: z.ZodType, at: string): Problem[] {
  const field = issue.path.reduce<string>((path, step) => join(path, step), at);
  if (issue.code !== 'unrecognized_keys')
    return [{ field, message: messageOf(issue, valueAt(json, issue.path)) }];
  const known = fieldsAt(schema, issue.path);
  return unknownFieldProblems(issue.keys, known, field);
}

/** What is wrong and what is expected. Values are repeated only where a choice was expected: others may be secrets. */
function messageOf(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return isAbsent(value) && value !== null ? 'is missing' : wrongType(nounOf(issue.expected), value);
    case 'invalid_value': {
      if (value === undefined) return `is missing: expected ${choice(issue.values)}`;
      // A message of the schema's own says more than the list of what is accepted.
      const expected = issue.message.startsWith('Invalid')
        ? `must be ${choice(issue.values)}`
        : issue.message;
      return typeof value === 'string'
        ? `${expected}, not ${quote(value)}`
        : `${expected}, not ${typeName(value)}`;
    }
    case 'too_small':
      return `must have at least ${sizeOf(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `must have at most ${sizeOf(issue.origin, issue.maximum)}`;
    case 'invalid_key':
      return 'has a key that is not accepted';
    default:
      return issue.message;
  }
}

function sizeOf(origin: string, size: number | bigint): string {
  switch (origin) {
    case 'string':
      return `${size} character${size === 1 ? '' : 's'}`;
    case 'array':
      return `${size} item${size === 1 ? '' : 's'}`;
    default:
      return `the value ${size}`;
  }
}

function choice(values: readonly unknown[]): string {
  return (
    (values.length > 1 ? 'one of ' : '') +
    values.map((value) => (typeof value === 'string' ? `"${value}"` : String(value))).join(', ')
  );
}

function nounOf(expected: string): string {
  switch (expected) {
    case 'object':
    case 'record':
      return 'an object';
    case 'array':
      return 'a list';
    case 'int':
    case 'number':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    default:
      return `a ${expected}`;
  }
}

function wrongType(expected: string, value: unknown): string {
  return value === undefined ? 'is missing' : `must be ${expected}, not ${typeName(value)}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a string' : String(value);
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<PropertyKey, unknown>)[step]
        : undefined,
    json,
  );
}

/** Names of the fields that the schema has at a path. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = unwrapped(schema);
  for (const step of path) {
    const { shape, element } = (at ?? {}) as { shape?: Record<PropertyKey, unknown>; element?: unknown };
    at = unwrapped(shape?.[step] ?? element);
  }
  return Object.keys((at as { shape?: object } | undefined)?.shape ?? {});
}

/** Without optional() and default(): a list unwraps to its elements too, and is left as it is. */
function unwrapped(schema: unknown): unknown {
  let at = schema;
  while (
    typeof at === 'object' &&
    at !== null &&
    !('element' in at) &&
    'unwrap' in at &&
    typeof at.unwrap === 'function'
  )
    at = at.unwrap();
  return at;
}

/** `spec.trustedKeys[0].publicKey`; a key that is not a plain name stands in brackets, so that it cannot look like a path. */
export function join(at: string, step: PropertyKey): string {
  if (typeof step === 'number') return `${at}[${step}]`;
  const name = String(step);
  if (!/^[A-Za-z_][\w-]*$/.test(name) || name.length > 64) return `${at}[${quote(name)}]`;
  return at === '' ? name : `${at}.${name}`;
}

export function isJsonObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
