import { RE2JS } from 're2js';
import { patternCost } from './pattern-cost.ts';

/**
 * Compiled patterns, the least lately used of them dropped where all together cost more than `budget`: a compiled pattern
 * takes up to 300 KiB, and anybody who may write a SigningPolicy writes as many as he likes.
 */
export class PatternCache {
  readonly #budget: number;
  /** In the order of their last use. */
  readonly #compiled = new Map<string, { readonly pattern: RE2JS; readonly cost: number }>();
  #held = 0;

  /** @param budget of `patternCost` */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** What all compiled patterns cost together. */
  get held(): number {
    return this.#held;
  }

  /** Compiles what is not there. @throws what RE2JS throws for what is not a pattern */
  get(source: string): RE2JS {
    const known = this.#compiled.get(source);
    const { pattern, cost } = known ?? { pattern: RE2JS.compile(source), cost: patternCost(source) };
    this.#compiled.delete(source);
    this.#compiled.set(source, { pattern, cost });
    if (known === undefined) this.#held += cost;
    for (const [oldest, { cost: freed }] of this.#compiled) {
      if (this.#held <= this.#budget) break;
      this.#compiled.delete(oldest);
      this.#held -= freed;
    }
    return pattern;
  }
}
