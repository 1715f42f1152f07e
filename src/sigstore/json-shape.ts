import { Refusal, unreachable } from '../errors.ts';
import { checkBase64 } from './base64.ts';
import { isJsonObject, type JsonValue } from '../strict-json.ts';

/**
 * The shape of a protobuf message in JSON, as far as we read it. `null` is the same as absent (protobuf's JSON form).
 * Fields that are not listed are somebody's extension and are skipped, unless they are a listed one in other letters.
 */
export type Shape =
  | { readonly kind: 'text'; readonly maxChars: number }
  | { readonly kind: 'base64'; readonly maxBytes: number }
  /** int64: a string or a number; what it may say is for its reader. */
  | { readonly kind: 'integer' }
  /** The name or the number of an enum's member. */
  | { readonly kind: 'enum' }
  | { readonly kind: 'list'; readonly of: Shape; readonly max: number }
  | ObjectShape;

export interface ObjectShape {
  readonly kind: 'object';
  readonly fields: Readonly<Record<string, Shape>>;
  /** Groups of which exactly one member must be there. */
  readonly oneOf: readonly (readonly string[])[];
  readonly required: readonly string[];
  /** The fields' names as a careless reader sees them. */
  readonly folded: ReadonlySet<string>;
}

/** An int64 has at most 20 characters. */
const MAX_INTEGER_CHARS = 20;
const MAX_ENUM_CHARS = 64;

export function objectShape(
  fields: Readonly<Record<string, Shape>>,
  rules: { readonly oneOf?: readonly (readonly string[])[]; readonly required?: readonly string[] } = {},
): ObjectShape {
  return {
    kind: 'object',
    fields,
    oneOf: rules.oneOf ?? [],
    required: rules.required ?? [],
    folded: new Set(Object.keys(fields).map(fold)),
  };
}

/** @throws Refusal MALFORMED, or LIMIT; `path` names the value in its message. */
export function checkShape(value: JsonValue, shape: Shape, path: string): void {
  switch (shape.kind) {
    case 'text':
      if (typeof value !== 'string') throw malformed(path, 'a string');
      if (value.length > shape.maxChars) {
        throw new Refusal('LIMIT', `${path} is longer than ${shape.maxChars} characters`);
      }
      return;
    case 'base64':
      if (typeof value !== 'string') throw malformed(path, 'a string');
      checkBase64(value, path, shape.maxBytes);
      return;
    case 'integer':
      if (!isShortScalar(value, MAX_INTEGER_CHARS)) throw malformed(path, 'an integer');
      return;
    case 'enum':
      if (!isShortScalar(value, MAX_ENUM_CHARS)) throw malformed(path, 'the name of an enum member');
      return;
    case 'list':
      if (!Array.isArray(value)) throw malformed(path, 'a list');
      if (value.length > shape.max) throw new Refusal('LIMIT', `${path} has more than ${shape.max} elements`);
      value.forEach((element: JsonValue, i) => checkShape(element, shape.of, `${path}[${i}]`));
      return;
    case 'object':
      checkObject(value, shape, path);
      return;
    default:
      unreachable(shape);
  }
}

function checkObject(value: JsonValue, shape: ObjectShape, path: string): void {
  if (!isJsonObject(value)) throw malformed(path, 'an object');
  for (const [key, member] of Object.entries(value)) {
    const field = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
    if (field !== undefined) {
      if (member !== null && member !== undefined) checkShape(member, field, `${path}.${key}`);
    } else if (shape.folded.has(fold(key))) {
      // One reader would take it for the field and the next would not (attack A28).
      throw new Refusal(
        'MALFORMED',
        `${path} has a field that only differs in spelling from one that is known`,
      );
    }
  }
  const isPresent = (key: string) => value[key] !== null && value[key] !== undefined;
  for (const group of shape.oneOf) {
    if (group.filter(isPresent).length !== 1) throw malformed(path, `exactly one of ${group.join(', ')}`);
  }
  for (const key of shape.required) {
    if (!isPresent(key)) throw malformed(`${path}.${key}`, 'present');
  }
}

function isShortScalar(value: JsonValue, maxChars: number): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= maxChars);
}

function fold(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

function malformed(path: string, expected: string): Refusal {
  return new Refusal('MALFORMED', `${path}: expected ${expected}`);
}
