import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { maximumMatching } from '../../src/policy/maximum-matching.ts';

/** The size of the largest matching, by trying everything. */
function oracle(
  edges: readonly (readonly number[])[],
  taken: ReadonlySet<number> = new Set(),
  left = 0,
): number {
  const own = edges[left];
  if (own === undefined) return 0;
  const skipped = oracle(edges, taken, left + 1);
  const used = own
    .filter((right) => !taken.has(right))
    .map((right) => 1 + oracle(edges, new Set([...taken, right]), left + 1));
  return Math.max(skipped, ...used);
}

test('finds a matching, and none is larger', () => {
  const graphs = fc.array(fc.uniqueArray(fc.nat(5), { maxLength: 4 }), { maxLength: 6 });
  fc.assert(
    fc.property(graphs, (edges) => {
      const pairs = maximumMatching(edges);
      const used = pairs.filter((right) => right !== undefined);
      expect(new Set(used).size).toBe(used.length);
      for (const [left, right] of pairs.entries()) {
        if (right !== undefined) expect(edges[left]).toContain(right);
      }
      expect(used.length).toBe(oracle(edges));
    }),
    { numRuns: 500, seed: 20261122 },
  );
});
