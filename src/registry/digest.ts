import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Refusal } from '../errors.ts';
import { isDigest } from '../image/digest.ts';

/** `sha256:<hex>` of the bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Compares bytes with the digest that they were asked by.
 * @throws Refusal DIGEST_MISMATCH
 */
export function checkDigest(bytes: Uint8Array, digest: string, what: string): void {
  const [algorithm = '', expected = ''] = digest.split(':');
  const actual = isDigest(digest) ? createHash(algorithm).update(bytes).digest('hex') : '';
  if (actual === '' || actual !== expected) throw mismatch(digest, what);
}

function mismatch(digest: string, what: string): Refusal {
  return new Refusal('DIGEST_MISMATCH', `the bytes of ${what} are not those of ${digest}`);
}

/** Hashing so much takes about 1 ms. */
const SLICE_BYTES = 1024 * 1024;

/**
 * The same for content of many MiB: the event loop turns between its slices.
 * @throws Refusal DIGEST_MISMATCH
 */
export async function checkLargeDigest(bytes: Uint8Array, digest: string, what: string): Promise<void> {
  const [algorithm = '', expected = ''] = digest.split(':');
  if (!isDigest(digest)) throw mismatch(digest, what);
  const hash = createHash(algorithm);
  for (let from = 0; from < bytes.length; from += SLICE_BYTES) {
    hash.update(bytes.subarray(from, from + SLICE_BYTES));
    await nextTurn();
  }
  if (hash.digest('hex') !== expected) throw mismatch(digest, what);
}

/** The tag that OCI 1.1 clients write where a registry has no referrers API: parts cut to what a tag can hold. */
export function referrersTag(digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** What cosign 1 and 2 keep under a tag beside the image: signatures, and attestations. */
export type CosignTag = 'sig' | 'att';

/** The tag of cosign 1 and 2; undefined for a digest that makes no valid tag (sha512 is too long). */
export function cosignTag(digest: string, kind: CosignTag): string | undefined {
  return digest.startsWith('sha256:') ? `${digest.replace(':', '-')}.${kind}` : undefined;
}
