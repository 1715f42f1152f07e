/** @returns undefined when there is no candidate; throws what the last one threw when none holds. */
export function firstThatHolds<T>(candidates: readonly T[], check: (candidate: T) => void): T | undefined {
  let last: unknown;
  for (const candidate of candidates) {
    try {
      check(candidate);
      return candidate;
    } catch (thrown) {
      last = thrown;
    }
  }
  if (candidates.length > 0) throw last;
  return undefined;
}
