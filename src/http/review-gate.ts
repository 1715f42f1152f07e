/** How many reviews may be under way; above, a review is denied `OVERLOADED` rather than queued until the API server gives up. */
export interface ReviewLimits {
  readonly total: number;
  /** For one namespace: the others are served while one floods. */
  readonly perNamespace: number;
}

/** Counts the reviews that are under way. A warm one leaves within a millisecond, so what stays is what waits for a registry. */
export class ReviewGate {
  readonly #limits: ReviewLimits;
  readonly #perNamespace = new Map<string, number>();
  #total = 0;

  constructor(limits: ReviewLimits) {
    this.#limits = limits;
  }

  get underWay(): number {
    return this.#total;
  }

  /** The function that ends the review, or which limit is reached. */
  enter(namespace: string): (() => void) | 'total' | 'namespace' {
    const inNamespace = this.#perNamespace.get(namespace) ?? 0;
    if (this.#total >= this.#limits.total) return 'total';
    if (inNamespace >= this.#limits.perNamespace) return 'namespace';
    this.#total++;
    this.#perNamespace.set(namespace, inNamespace + 1);
    return () => this.#leave(namespace);
  }

  #leave(namespace: string): void {
    this.#total--;
    const left = (this.#perNamespace.get(namespace) ?? 1) - 1;
    if (left === 0) this.#perNamespace.delete(namespace);
    else this.#perNamespace.set(namespace, left);
  }
}
