import { storedText } from './stored-text.ts';
import type { AuditTable } from './tables.ts';

/** One change of a policy, a signer or another setting, for the audit table. */
export interface Change {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Who, as the API server or the sign-in names them. */
  readonly actor: string;
  /** `create`, `update`, `delete`, `enable` … */
  readonly action: string;
  readonly kind: string;
  /** Empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly name: string;
  /** JSON without secrets; undefined = there was none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly replica: string;
}

export interface StoredChange extends Change {
  readonly id: number;
}

const NAME_CHARS = 256;
/** One document, before or after: a policy with 64 signers and a root fits; the rest of a longer one is cut. */
const VALUE_CHARS = 64 * 1024;

/** The change with bounded texts that nobody can rewrite a line with. */
export function storedChange(change: Change): Change {
  return {
    time: change.time,
    actor: name(change.actor),
    action: name(change.action),
    kind: name(change.kind),
    namespace: name(change.namespace),
    name: name(change.name),
    before: value(change.before),
    after: value(change.after),
    replica: name(change.replica),
  };
}

function name(text: string): string {
  return storedText(text, NAME_CHARS);
}

function value(text: string | undefined): string | undefined {
  return text === undefined ? undefined : storedText(text, VALUE_CHARS);
}

export function toAuditRow({ before, after, ...names }: Change): Omit<AuditTable, 'id'> {
  return { ...names, before_value: before ?? null, after_value: after ?? null };
}

export function fromAuditRow(row: Omit<AuditTable, 'id'> & { readonly id: number }): StoredChange {
  const { before_value, after_value, ...names } = row;
  return { ...names, before: before_value ?? undefined, after: after_value ?? undefined };
}
