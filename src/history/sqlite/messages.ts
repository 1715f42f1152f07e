/** What SQLite takes as a parameter and gives as a value. */
export type SqlValue = null | number | string;

/** What a thread is started with. */
export interface ThreadSettings {
  readonly file: string;
  readonly role: 'writer' | 'reader';
  /** Bound on the file, bytes. */
  readonly maxBytes: number;
}

export interface StatementMessage {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /** Milliseconds since the epoch at which nobody waits for the answer any more; undefined = it is always waited for. */
  readonly deadline: number | undefined;
}

export type AnswerMessage =
  | {
      readonly id: number;
      readonly rows: readonly Readonly<Record<string, SqlValue>>[];
      readonly changes: number;
    }
  | { readonly id: number; readonly problem: SqliteProblem };

export interface SqliteProblem {
  readonly message: string;
  /** SQLite's primary result code; 0 = none, `DEADLINE` = ours. */
  readonly code: number;
  /** The file could not be used and was set aside: what comes next begins a new one. */
  readonly setAside: boolean;
}

/** Beside SQLite's own codes, which are below 256. */
export const DEADLINE = 1000;

/** SQLite's primary result codes that mean something to us (sqlite.org/rescode.html). */
export const RESULT = {
  full: 13,
  tooBig: 18,
  constraint: 19,
  corrupt: 11,
  mismatch: 20,
  notADatabase: 26,
} as const;
