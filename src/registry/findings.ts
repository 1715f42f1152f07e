import { Fault, type RefusalCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import { problemOf } from './content.ts';

/** What one look-up has found so far. It can be read before the look-up is over: a hanging piece must not hide the others. */
export class Findings {
  readonly evidence: Evidence[] = [];
  readonly refused: RefusedEvidence[] = [];
  readonly faults: Fault[] = [];

  /** Looks at one piece; what goes wrong with it is noted beside the others. */
  async piece(source: string, look: () => Promise<Evidence | undefined>): Promise<void> {
    try {
      const evidence = await look();
      if (evidence !== undefined) this.evidence.push(evidence);
    } catch (error) {
      this.problem(source, error);
    }
  }

  problem(source: string, error: unknown): void {
    const problem = problemOf(error);
    if (problem instanceof Fault) this.faults.push(problem);
    else this.refuse(source, problem.code, problem.message);
  }

  refuse(source: string, code: RefusalCode, detail: string): void {
    this.refused.push({ source, code, detail });
  }

  get isEmpty(): boolean {
    return this.evidence.length === 0 && this.refused.length === 0 && this.faults.length === 0;
  }
}

/** Bytes above which a piece counts against `LIMITS.evidenceTotalBytes`; signatures are far below, so no flood displaces them. */
const SMALL_BYTES = 512 * 1024;

/** Bounds the bytes of one look-up's large pieces. */
export class LargePieces {
  #left: number = LIMITS.evidenceTotalBytes;

  /** Whether a piece of this size still fits. */
  take(bytes: number): boolean {
    if (bytes <= SMALL_BYTES) return true;
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}

/**
 * The places for evidence of one image. Either way of storing has half of them at once, so that neither waits for the
 * other nor can be crowded out by it; what one leaves over is the other's as soon as both are known.
 */
export class EvidencePlaces {
  readonly #half = LIMITS.evidencePerImage / 2;
  readonly #bothKnown = Promise.withResolvers<void>();
  readonly #claims: number[] = [];

  /** To be called twice: once for each way of storing, with 0 where nothing was found. */
  claim(wanted: number): { readonly now: number; readonly later: () => Promise<number> } {
    this.#claims.push(wanted);
    if (this.#claims.length === 2) this.#bothKnown.resolve();
    const now = Math.min(wanted, this.#half);
    const later = async () => {
      if (wanted <= this.#half) return 0;
      await this.#bothKnown.promise;
      const taken = this.#claims.reduce((sum, claim) => sum + Math.min(claim, this.#half), 0);
      // At most one of two claims can be above its half and find something left over.
      return Math.min(wanted - now, LIMITS.evidencePerImage - taken);
    };
    return { now, later };
  }
}
