import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

/** What a failed write says of what to do next. */
export type Failure =
  /** Nothing can be written now: later. */
  | 'unavailable'
  /** No room: older rows may be given up. */
  | 'full'
  /** What was to be written is refused, and will be again. */
  | 'refused';

/** Where the history is kept. Opened by its first use; whatever breaks is opened again. */
export interface HistoryDatabase {
  readonly kind: DatabaseKind;
  /** One transaction at a time. */
  readonly writer: Kysely<Tables>;
  /** Each statement ends, one way or the other, within `READ_LIMIT`. */
  readonly reader: Kysely<Tables>;
  /** After an error: what it means. What the error has broken is thrown away. */
  failure(error: unknown): Failure;
  /** Ends what is under way; waits at most for as long as that takes to notice. */
  close(): Promise<void>;
}

/** Milliseconds for one statement of a reader: somebody is waiting for the page. */
export const READ_LIMIT = 5_000;

/** The history could not be read. `message` is shown to whoever asked. */
export class HistoryError extends Error {
  /** `TIMEOUT`: ask for less. `BAD_REQUEST`: the question cannot be asked so. */
  readonly code: 'UNAVAILABLE' | 'TIMEOUT' | 'BUSY' | 'BAD_REQUEST';

  constructor(code: HistoryError['code'], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'HistoryError';
    this.code = code;
  }
}
