/**
 * Values of a label that somebody else chooses (registry hosts): each series costs memory here and in the monitoring behind, so
 * only so many get one of their own, and the rest are "other" (attack F13). Those that are configured always do.
 */
export class BoundedLabel {
  readonly #known: Set<string>;
  #free: number;

  constructor(options: { readonly always?: Iterable<string>; readonly others: number }) {
    this.#known = new Set(options.always);
    this.#free = options.others;
  }

  of(value: string): string {
    if (this.#known.has(value)) return value;
    // 253 characters is the longest host name there can be.
    if (this.#free <= 0 || value.length > 253) return 'other';
    this.#free -= 1;
    this.#known.add(value);
    return value;
  }
}

/** A value of a closed set, or "other". */
export function oneOf(values: ReadonlySet<string>, value: string): string {
  return values.has(value) ? value : 'other';
}
