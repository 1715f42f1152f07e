/** All in milliseconds, but for `pageSize`. */
export interface ReflectorTiming {
  /** Full jitter: a random part of a bound that doubles from the first to the last with each failure in a row. */
  readonly backoffFirst: number;
  readonly backoffLast: number;
  /** How long the API server keeps one watch open, and the random part on top that spreads reconnections. */
  readonly watchTimeout: number;
  readonly watchTimeoutJitter: number;
  /** Bookmarks come about once a minute: after this long without a line the collection is listed again, well within the age of 180 s at which a snapshot is too old. */
  readonly silence: number;
  /** The collection is listed again after this long whatever the watch says. */
  readonly relist: number;
  /** A watch that ends sooner, with nothing said, is a failure: otherwise it would be opened again in a busy loop. */
  readonly shortWatch: number;
  /** Objects in one page of a list. */
  readonly pageSize: number;
}

export const defaultTiming: ReflectorTiming = {
  backoffFirst: 500,
  backoffLast: 30_000,
  watchTimeout: 240_000,
  watchTimeoutJitter: 60_000,
  silence: 75_000,
  relist: 600_000,
  shortWatch: 1_000,
  pageSize: 250,
};
