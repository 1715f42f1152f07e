/** What a write comes back with. */
export interface Written<T> {
  /** Absent after a deletion. */
  readonly document?: T;
  readonly inForce: boolean;
  readonly dryRun: boolean;
  readonly warnings: readonly string[];
}

/** A document as it is sent. */
export interface Draft {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}
