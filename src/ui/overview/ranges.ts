/** Ranges of time that the Overview shows, and the size of their buckets (a multiple of 300 s, as the API asks). */
export const RANGES = {
  hour: { seconds: 3600, bucketSeconds: 300 },
  day: { seconds: 86_400, bucketSeconds: 3600 },
  week: { seconds: 604_800, bucketSeconds: 21_600 },
  month: { seconds: 2_592_000, bucketSeconds: 86_400 },
} as const;

export type RangeName = keyof typeof RANGES;

export function isRange(text: string | null): text is RangeName {
  return text !== null && Object.hasOwn(RANGES, text);
}
