const MAX_CHARS = 64;

/** The known name that somebody who wrote `name` probably meant: at most a third of its letters are others. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_CHARS) return undefined;
  const wanted = plain(name);
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
    .filter(({ candidate, distance }) => distance * 3 <= candidate.length)
    .sort((a, b) => a.distance - b.distance);
  return nearest?.candidate;
}

/** `trusted_keys` and `trustedkeys` are `trustedKeys`. */
function plain(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase();
}

/** Levenshtein's, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
