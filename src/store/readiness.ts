/** Whether a store can be relied on, and if not, why: each a sentence for people. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export function readinessOf(reasons: readonly string[]): Readiness {
  return { ready: reasons.length === 0, reasons };
}
