/**
 * The most pairs (left, right) such that nobody is in two of them: Kuhn's augmenting paths.
 * Both sides are small (at most 64 entries and their selectors, at most 50 signatures), so O(V·E) is plenty.
 * @param edges for each left node the right nodes that it may be paired with, best first
 * @returns for each left node its right node, or undefined
 */
export function maximumMatching(edges: readonly (readonly number[])[]): readonly (number | undefined)[] {
  const leftOf = new Map<number, number>();
  for (let left = 0; left < edges.length; left++) augment(left, edges, leftOf, new Set());
  const pairs: (number | undefined)[] = Array.from({ length: edges.length }, () => undefined);
  for (const [right, left] of leftOf) pairs[left] = right;
  return pairs;
}

function augment(
  left: number,
  edges: readonly (readonly number[])[],
  leftOf: Map<number, number>,
  seen: Set<number>,
): boolean {
  for (const right of edges[left] ?? []) {
    if (seen.has(right)) continue;
    seen.add(right);
    const other = leftOf.get(right);
    if (other === undefined || augment(other, edges, leftOf, seen)) {
      leftOf.set(right, left);
      return true;
    }
  }
  return false;
}
