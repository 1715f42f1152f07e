import { createHash } from 'node:crypto';

/** One part of what a fingerprint covers. `undefined` is a part of its own: absent is not empty. */
export type HashPart = string | Uint8Array | number | undefined;

/**
 * SHA-256 over parts that cannot run into each other: each is preceded by its type and length.
 * @returns lower-case hex
 */
export function framedHash(parts: Iterable<HashPart>): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    if (part === undefined) {
      hash.update('u0:');
    } else if (part instanceof Uint8Array) {
      hash.update(`b${part.length}:`).update(part);
    } else {
      const bytes = Buffer.from(String(part), 'utf8');
      hash.update(`${typeof part === 'number' ? 'n' : 's'}${bytes.length}:`).update(bytes);
    }
  }
  return hash.digest('hex');
}
