import { createHash } from 'node:crypto';
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
  /** Whether a pull secret was needed for anything so far: set by who knows as whom the registry is asked. */
  withPullSecret: () => boolean = () => false;

  /** Looks at one piece; what goes wrong with it is noted beside the others. */
  async piece(source: string, look: () => Promise<Evidence | undefined>): Promise<void> {
    try {
      const evidence = await look();
      if (evidence !== undefined) this.add(evidence);
    } catch (error) {
      this.problem(source, error);
    }
  }

  add(evidence: Evidence): void {
    this.evidence.push(evidence);
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

/** What one of several repositories holds: its evidence is told at once to those of the whole look, the rest when it is asked for. */
export class PartialFindings extends Findings {
  readonly #all: Findings;
  readonly #known: Set<string>;
  readonly #isOrigin: boolean;

  /** @param known what was found in any of the repositories */
  constructor(all: Findings, known: Set<string>, isOrigin: boolean) {
    super();
    this.#all = all;
    this.#known = known;
    this.#isOrigin = isOrigin;
  }

  override add(evidence: Evidence): void {
    super.add(evidence);
    const fingerprint = fingerprintOf(evidence);
    if (this.#known.has(fingerprint)) return;
    // What a mirror holds beside must not displace what the registry itself does.
    if (!this.#isOrigin && this.#all.evidence.length >= LIMITS.evidencePerImage) return;
    this.#known.add(fingerprint);
    this.#all.add(evidence);
  }
}

function fingerprintOf(evidence: Evidence): string {
  const hash = createHash('sha256').update(`${evidence.kind} `);
  if (evidence.kind === 'bundle') return hash.update(evidence.bytes).digest('hex');
  hash.update(`${JSON.stringify(Object.entries(evidence.annotations).toSorted())} `);
  return hash.update(evidence.kind === 'simple-signing' ? evidence.payload : evidence.envelope).digest('hex');
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
 * The places for evidence of one image. Each way of storing has an equal share of them at once, so that none waits for
 * another nor can be crowded out by it; what some leave over is divided among the others as soon as all are known.
 */
export class EvidencePlaces {
  readonly #ways: number;
  readonly #share: number;
  readonly #allKnown = Promise.withResolvers<void>();
  readonly #claims: number[] = [];
  #left: number = LIMITS.evidencePerImage;

  /** @param ways how many ways of storing there are */
  constructor(ways: number) {
    this.#ways = ways;
    this.#share = Math.floor(LIMITS.evidencePerImage / ways);
  }

  /** To be called once for each way of storing, with 0 where nothing was found. */
  claim(wanted: number): { readonly now: number; readonly later: () => Promise<number> } {
    this.#claims.push(wanted);
    if (this.#claims.length === this.#ways) {
      const share = fairShare(this.#claims);
      this.#left -= this.#claims.reduce((sum, claim) => sum + Math.min(claim, share), 0);
      this.#allKnown.resolve();
    }
    const now = Math.min(wanted, this.#share);
    const later = async () => {
      if (wanted <= this.#share) return 0;
      await this.#allKnown.promise;
      return Math.min(wanted, fairShare(this.#claims)) - now;
    };
    return { now, later };
  }

  /** Places for pieces that only turned up in a piece: of those that nobody claimed. */
  async more(wanted: number): Promise<number> {
    if (wanted <= 0) return 0;
    await this.#allKnown.promise;
    const granted = Math.min(wanted, this.#left);
    this.#left -= granted;
    return granted;
  }
}

/** The largest number of places that each claim may have up to, so that all together have no more than there are. */
function fairShare(claims: readonly number[]): number {
  let left: number = LIMITS.evidencePerImage;
  let among = claims.length;
  for (const claim of claims.toSorted((a, b) => a - b)) {
    if (claim > left / among) break;
    left -= claim;
    among -= 1;
  }
  return among === 0 ? LIMITS.evidencePerImage : Math.floor(left / among);
}
