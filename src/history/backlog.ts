import { randomUUID } from 'node:crypto';
import type { Change } from './change.ts';
import type { Verification } from './verification.ts';
import type { Batch } from './write-batch.ts';

/** Rows of one statement: compiling it takes the event loop about a millisecond. */
export const BATCH_ROWS = 100;

/** Changes that wait: they are rare and made by administrators. */
const MAX_CHANGES = 1_000;

/** What waits to be written, within bounds: the oldest verifications go first, and no flood of them takes a change's place. */
export class Backlog {
  readonly #maxRows: number;
  readonly #onDropped: (rows: number) => void;
  #verifications: Verification[] = [];
  #changes: Change[] = [];

  /** @param maxRows verifications that may wait, of at most some 4 KB each */
  constructor(maxRows: number, onDropped: (rows: number) => void) {
    this.#maxRows = maxRows;
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#verifications.length + this.#changes.length;
  }

  addVerifications(rows: readonly Verification[]): void {
    this.#verifications.push(...rows);
    // A batch at a time: to move the whole list for each row would cost more than the row.
    const over = this.#verifications.length - this.#maxRows;
    if (over > 0) this.#drop(this.#verifications, Math.max(over, Math.min(BATCH_ROWS, this.#maxRows)));
  }

  addChange(change: Change): void {
    this.#changes.push(change);
    const over = this.#changes.length - MAX_CHANGES;
    if (over > 0) this.#drop(this.#changes, over);
  }

  /** Takes the oldest out; undefined = nothing waits. */
  take(): Batch | undefined {
    if (this.size === 0) return undefined;
    const changes = this.#changes.splice(0, BATCH_ROWS);
    const verifications = this.#verifications.splice(0, BATCH_ROWS);
    return { id: randomUUID(), changes, verifications };
  }

  #drop(list: unknown[], count: number): void {
    this.#onDropped(list.splice(0, count).length);
  }
}
