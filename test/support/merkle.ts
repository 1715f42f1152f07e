import { createHash } from 'node:crypto';

/** Merkle trees as RFC 9162 section 2.1 defines them, computed anew each time: logs of tests are short. */
function leafHash(leaf: Buffer): Buffer {
  return hash(Buffer.of(0), leaf);
}

export function rootHash(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return leafHash(first);
  const split = largestPowerBelow(leaves.length);
  return hash(Buffer.of(1), rootHash(leaves.slice(0, split)), rootHash(leaves.slice(split)));
}

/** The hashes that lead from one leaf to the root, from below. */
export function inclusionProof(leaves: readonly Buffer[], index: number): readonly Buffer[] {
  if (leaves.length <= 1) return [];
  const split = largestPowerBelow(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...inclusionProof(left, index), rootHash(right)]
    : [...inclusionProof(right, index - split), rootHash(left)];
}

function hash(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
