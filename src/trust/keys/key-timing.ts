/** All in milliseconds. */
export interface KeyTiming {
  /** Between two readings, give or take a tenth. */
  readonly refresh: number;
  /** How long a key is relied on after it was last read. */
  readonly keep: number;
  /** Of one reading. */
  readonly deadline: number;
  /** A failed reading is repeated after a random part of a bound that doubles from the first to the last. */
  readonly retryFirst: number;
  readonly retryLast: number;
}

export const defaultKeyTiming: KeyTiming = {
  refresh: 300_000,
  keep: 3_600_000,
  deadline: 10_000,
  retryFirst: 1000,
  retryLast: 60_000,
};
