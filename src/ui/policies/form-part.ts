import type { Json } from '../shared/values.ts';
import type { FieldPath } from './policy-text.ts';

export type FieldEdit = readonly [path: FieldPath, value: unknown];

/** What each part of the form works with. */
export interface FormPart {
  /** The document as it reads now. */
  readonly value: Json;
  /** Several fields at once; undefined takes a field away. */
  readonly edit: (edits: readonly FieldEdit[]) => void;
  /** Messages for a field and for what stands inside it. */
  readonly problems: (path: FieldPath) => readonly string[];
  readonly isReadOnly: boolean;
}

/** An empty list or mapping says nothing: the field goes away with it. */
export function orNothing<T extends readonly string[] | Readonly<Record<string, string>>>(
  value: T,
): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
