import { Refusal } from '../errors.ts';
import { parseRfc3339 } from '../rfc3339.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../strict-json.ts';

/** One object of a statement, with where it stands: every refusal names the field. */
export interface Fields {
  readonly json: JsonObject;
  readonly path: string;
}

/** A URI, a ref or a name: what the patterns of policies are held against is never longer (`LIMITS.patternTextChars`). */
export const MAX_TEXT_CHARS = 2048;
/** Digests of one artifact: real ones have one to four. */
const MAX_DIGESTS = 16;

/** The members of an object. @throws Refusal MALFORMED */
export function fieldsOf(json: JsonValue | undefined, path: string): Fields {
  if (!isJsonObject(json)) throw malformed(path, 'an object');
  return { json, path };
}

/** A member; `null` is the same as absent. Only own members: a key is never looked up on a prototype. */
export function member(parent: Fields | undefined, key: string): JsonValue | undefined {
  if (parent === undefined || !Object.hasOwn(parent.json, key)) return undefined;
  return parent.json[key] ?? undefined;
}

/** @throws Refusal MALFORMED */
export function child(parent: Fields | undefined, key: string): Fields | undefined {
  const value = member(parent, key);
  return value === undefined ? undefined : fieldsOf(value, `${parent?.path}.${key}`);
}

/** @throws Refusal MALFORMED where it is absent or no object */
export function requiredChild(parent: Fields, key: string): Fields {
  return fieldsOf(member(parent, key), `${parent.path}.${key}`);
}

/** A text; an empty one says nothing and is the same as absent. @throws Refusal MALFORMED or LIMIT */
export function text(parent: Fields | undefined, key: string): string | undefined {
  const value = member(parent, key);
  if (value === undefined || value === '') return undefined;
  const path = `${parent?.path}.${key}`;
  if (typeof value !== 'string') throw malformed(path, 'a string');
  if (value.length > MAX_TEXT_CHARS) {
    throw new Refusal('LIMIT', `${path} is longer than ${MAX_TEXT_CHARS} characters`);
  }
  return value;
}

/** @throws Refusal MALFORMED where it is absent or empty, LIMIT */
export function requiredText(parent: Fields, key: string): string {
  const value = text(parent, key);
  if (value === undefined) throw malformed(`${parent.path}.${key}`, 'a string that is not empty');
  return value;
}

/** A text, or a number as GitLab writes its ids. @throws Refusal MALFORMED or LIMIT */
export function identifier(parent: Fields | undefined, key: string): string | undefined {
  const value = member(parent, key);
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : text(parent, key);
}

/** @throws Refusal MALFORMED for what is no list, LIMIT above `max` elements */
export function list(parent: Fields | undefined, key: string, max: number): readonly JsonValue[] {
  const value = member(parent, key);
  if (value === undefined) return [];
  const path = `${parent?.path}.${key}`;
  if (!Array.isArray(value)) throw malformed(path, 'a list');
  if (value.length > max) throw new Refusal('LIMIT', `${path} has more than ${max} elements`);
  return value as readonly JsonValue[];
}

/** @returns milliseconds since the epoch. @throws Refusal MALFORMED for what is no RFC 3339 timestamp */
export function time(parent: Fields | undefined, key: string): number | undefined {
  const value = text(parent, key);
  if (value === undefined) return undefined;
  const milliseconds = parseRfc3339(value);
  if (milliseconds === undefined) throw malformed(`${parent?.path}.${key}`, 'an RFC 3339 timestamp');
  return milliseconds;
}

/** A map of short texts, such as digests or versions. @throws Refusal MALFORMED or LIMIT */
export function textMap(
  parent: Fields | undefined,
  key: string,
): Readonly<Record<string, string>> | undefined {
  const fields = child(parent, key);
  if (fields === undefined) return undefined;
  const keys = Object.keys(fields.json);
  if (keys.length > MAX_DIGESTS) {
    throw new Refusal('LIMIT', `${fields.path} has more than ${MAX_DIGESTS} members`);
  }
  const entries = keys.map((name) => [name.slice(0, MAX_TEXT_CHARS), text(fields, name) ?? ''] as const);
  return Object.fromEntries(entries);
}

export function malformed(path: string, expected: string): Refusal {
  return new Refusal('MALFORMED', `${path}: expected ${expected}`);
}
