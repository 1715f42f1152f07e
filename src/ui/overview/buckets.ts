import type { Stats } from '../../admin/schemas/history.ts';

export type Bucket = Stats['buckets'][number];

/** More columns than anybody could tell apart. */
const MAX_BUCKETS = 1000;

/** Every bucket of the range in order: those that the answer leaves out hold nothing. */
export function filledBuckets({ from, until, bucketSeconds, buckets }: Stats): readonly Bucket[] {
  const step = bucketSeconds * 1000;
  const known = new Map(buckets.map((bucket) => [Math.floor(Date.parse(bucket.start) / step), bucket]));
  const first = Math.floor(Date.parse(from) / step);
  const end = Math.min(Math.ceil(Date.parse(until) / step), first + MAX_BUCKETS);
  return Array.from({ length: Math.max(0, end - first) }, (_, index) => {
    const start = new Date((first + index) * step).toISOString();
    return known.get(first + index) ?? { start, verified: 0, violated: 0, faulted: 0, denied: 0 };
  });
}

export interface Totals {
  readonly all: number;
  readonly verified: number;
  readonly violated: number;
  readonly faulted: number;
}

export function totalsOf(buckets: readonly Bucket[]): Totals {
  const sum = (pick: (bucket: Bucket) => number) =>
    buckets.reduce((total, bucket) => total + pick(bucket), 0);
  const verified = sum((bucket) => bucket.verified);
  const violated = sum((bucket) => bucket.violated);
  const faulted = sum((bucket) => bucket.faulted);
  return { all: verified + violated + faulted, verified, violated, faulted };
}
