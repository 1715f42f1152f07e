import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FaultReason } from '../policy/verdict.ts';

/** Milliseconds of work on this thread after which the others have a turn: warm answers must not wait behind cold ones. */
const TURN_MILLISECONDS = 2;

/** Lets the event loop turn between pieces of CPU work, and ends the work at the deadline. */
export class Turns {
  readonly #signal: AbortSignal;
  readonly #faults: FaultReason[];
  #started = performance.now();

  /** @param faults gets the time-out, once the deadline has passed */
  constructor(signal: AbortSignal, faults: FaultReason[]) {
    this.#signal = signal;
    this.#faults = faults;
  }

  /** To be asked before each piece of work. When true, the fault is among the others already. */
  async expired(): Promise<boolean> {
    if (performance.now() - this.#started > TURN_MILLISECONDS) {
      await nextTurn();
      this.#started = performance.now();
    }
    if (!this.#signal.aborted) return false;
    this.#faults.push({ code: 'TIMEOUT', detail: 'the deadline passed before every signature was verified' });
    return true;
  }
}
