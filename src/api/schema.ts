import * as z from 'zod';
import { parseRfc3339, RFC3339_PATTERN } from '../rfc3339.ts';

/**
 * Building blocks of the resources' schemas. A schema says what is accepted once, for both readers: the API server
 * (`crd.ts` makes the CRDs from it) and this program (`resource.ts`).
 */

/** One condition over several fields, in the words of both readers. */
export interface Rule<T> {
  /** CEL over `self`, after the API server has filled in the defaults. */
  readonly cel: string;
  /** The same, here; of a value that has the right shape. */
  readonly holds: (value: T) => boolean;
  /** What is expected. */
  readonly message: string;
  /** The field that a problem is reported at, if it is not the object itself. */
  readonly field?: string;
}

/** A schema with conditions; it must be the last step, because what is derived from a schema loses them. */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  const checked = rules.reduce<S>(
    (inner, { holds, message, field }) =>
      inner.refine((value) => holds(value as z.output<S>), {
        error: message,
        path: field === undefined ? [] : [field],
      }),
    schema,
  );
  return checked.meta({
    ...schema.meta(),
    'x-kubernetes-validations': rules.map(({ cel, message, field }) => ({
      rule: cel,
      message,
      ...(field === undefined ? {} : { fieldPath: `.${field}` }),
    })),
  });
}

/**
 * A field of a later version. It stays in the schema so that the API server neither prunes it nor ignores it: whoever
 * writes it is told (attack C2).
 */
export function reserved(message: string) {
  return z
    .unknown()
    .refine((value) => value === undefined, { error: message })
    .meta({
      description: `Not supported: ${message}.`,
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      'x-kubernetes-validations': [{ rule: 'false', message }],
    })
    .optional();
}

/** A text that is compared byte for byte: white space round it, as a YAML block leaves it, would never match. */
export function exactTextField(maxChars: number) {
  return z.string().min(1).max(maxChars).regex(/^\S+$/, 'must not hold white space');
}

/** The same for a name that people gave, such as `CN=Corp Code Signing`: single spaces inside it are part of it. */
export function spacedTextField(maxChars: number) {
  return z
    .string()
    .min(1)
    .max(maxChars)
    .regex(/^\S+( \S+)*$/, 'must not hold white space but single spaces between words');
}

/** A reference to a cluster-scoped object by its name. */
export function nameReference(description: string) {
  return z.strictObject({ name: objectName().describe('Name of the object.') }).describe(description);
}

export const MAX_NAME_CHARS = 253;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** RFC 1123, as Kubernetes names objects. */
export function objectName() {
  return z
    .string()
    .min(1)
    .max(MAX_NAME_CHARS)
    .regex(DNS_SUBDOMAIN, 'must be a name of lower-case letters, digits, "-" and "."');
}

const DURATION = /^([1-9][0-9]{0,5})([smhd])$/;
const MILLISECONDS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span of time in one unit, so that everybody reads it alike: `90m`, `720h`, `30d`. */
export function durationField(description: string) {
  return z
    .string()
    .max(7)
    .regex(DURATION, 'must be a number with its unit: s, m, h or d, such as "720h" or "30d"')
    .describe(description);
}

/** @param text that `durationField` has accepted @returns milliseconds */
export function durationOf(text: string): number {
  const [, count = '0', unit = 's'] = DURATION.exec(text) ?? [];
  return Number(count) * (MILLISECONDS[unit] ?? 0);
}

/** RFC 3339 with its offset: a time that everybody reads alike. */
export function dateTime(description: string) {
  return z
    .string()
    .max(40)
    .regex(
      RFC3339_PATTERN,
      'must be a date and time with its offset (RFC 3339), such as "2027-03-31T00:00:00Z"',
    )
    .refine((text) => parseRfc3339(text) !== undefined, { error: 'must be a date and time that exists' })
    .meta({ description, format: 'date-time' });
}
