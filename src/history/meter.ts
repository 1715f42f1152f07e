/** Told of what becomes of rows, for metrics. Must not throw. */
export interface HistoryMeter {
  written(rows: number, milliseconds: number): void;
  /** Rows that are lost: `overflow` = too many waited, `review` = too many of one review, `refused` = the database will not have them, `shutdown`. */
  lost(why: 'overflow' | 'review' | 'refused' | 'shutdown', rows: number): void;
  /** Whether the last attempt to write succeeded. */
  available(isAvailable: boolean): void;
  waiting(rows: number): void;
  /** A broken file was set aside. */
  setAside(): void;
  /** Rows that were kept for long enough. */
  expired(rows: number): void;
}
