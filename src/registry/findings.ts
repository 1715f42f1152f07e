import { createHash } from 'node:crypto';
import type { Discovery } from '../admission/ports.ts';
import { Fault, type RefusalCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { FoundEvidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import { problemOf } from './content.ts';

/** What is known of a piece before it is read. */
export interface Labelled extends Pick<RefusedEvidence, 'source' | 'claims' | 'claimedType'> {
  /** Its place in the order of reading, from 0. */
  readonly rank: number;
}

/** What one look-up has found so far. It can be read before the look-up is over: a hanging piece must not hide the others. */
export class Findings {
  /** In the order of reading, whatever arrived first: what is verified first is what is most promising. */
  readonly evidence: FoundEvidence[] = [];
  readonly refused: RefusedEvidence[] = [];
  readonly faults: Fault[] = [];
  /** There is more than was read, so that the order of reading made a difference. */
  isCut = false;
  /** Whether a pull secret was needed for anything so far: set by who knows as whom the registry is asked. */
  withPullSecret: () => boolean = () => false;
  readonly #ranks: number[] = [];
  readonly #begun = new Set<Promise<void>>();
  readonly #checkpoint = Promise.withResolvers<void>();
  #isPaused = false;

  /** Settles when the time for reading is over, and what was begun in it is read. */
  get checkpoint(): Promise<void> {
    return this.#checkpoint.promise;
  }

  /** The time for reading is over. What is read from now on is for who asks again. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    void Promise.all(this.#begun).then(() => this.#checkpoint.resolve());
  }

  /** Looks at one piece; what goes wrong with it is noted beside the others. */
  async piece(label: Labelled, look: () => Promise<FoundEvidence | undefined>): Promise<void> {
    const reading = this.#piece(label, look);
    this.#begun.add(reading);
    await reading;
    this.#begun.delete(reading);
  }

  async #piece(label: Labelled, look: () => Promise<FoundEvidence | undefined>): Promise<void> {
    try {
      const evidence = await look();
      if (evidence !== undefined) this.add(evidence, label.rank);
    } catch (error) {
      this.problem(label, error);
    }
  }

  add(evidence: FoundEvidence, rank: number): void {
    const after = this.#ranks.findLastIndex((each) => each <= rank) + 1;
    this.#ranks.splice(after, 0, rank);
    this.evidence.splice(after, 0, evidence);
  }

  problem({ source, claims, claimedType }: Omit<Labelled, 'rank'>, error: unknown): void {
    const problem = problemOf(error);
    if (problem instanceof Fault) this.faults.push(problem);
    else
      this.refused.push({
        source,
        code: problem.code,
        detail: problem.message,
        ...(claims !== undefined && { claims }),
        ...(claimedType !== undefined && { claimedType }),
      });
  }

  refuse(source: string, code: RefusalCode, detail: string): void {
    this.refused.push({ source, code, detail });
  }

  /** Notes that there is more than may be looked at. */
  bound(source: string, detail: string, claims?: RefusedEvidence['claims']): void {
    this.isCut = true;
    this.refused.push({
      source,
      code: 'LIMIT',
      detail,
      isBound: true,
      ...(claims !== undefined && { claims }),
    });
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

  override pause(): void {
    super.pause();
    void this.checkpoint.then(() => this.#all.pause());
  }

  override add(evidence: FoundEvidence, rank: number): void {
    super.add(evidence, rank);
    const fingerprint = fingerprintOf(evidence);
    if (this.#known.has(fingerprint)) return;
    // What a mirror holds beside must not displace what the registry itself does.
    if (!this.#isOrigin && this.#all.evidence.length >= LIMITS.evidencePerImage) {
      this.#all.isCut = true;
      return;
    }
    this.#known.add(fingerprint);
    this.#all.add(evidence, rank);
  }
}

export function snapshotOf({ evidence, refused, faults, withPullSecret }: Findings): Discovery {
  return {
    evidence: [...evidence],
    refused: [...refused],
    faults: [...faults],
    withPullSecret: withPullSecret(),
    remembered: false,
  };
}

export function withFault(findings: Findings, problem: Error): Discovery {
  const snapshot = snapshotOf(findings);
  return problem instanceof Fault ? { ...snapshot, faults: [...snapshot.faults, problem] } : snapshot;
}

function fingerprintOf(evidence: FoundEvidence): string {
  const hash = createHash('sha256').update(`${evidence.kind} `);
  if (evidence.kind === 'bundle') return hash.update(evidence.bytes).digest('hex');
  hash.update(`${JSON.stringify(Object.entries(evidence.annotations).toSorted())} `);
  if (evidence.kind === 'large') return hash.update(`${evidence.form} ${evidence.digest}`).digest('hex');
  return hash.update(evidence.kind === 'simple-signing' ? evidence.payload : evidence.envelope).digest('hex');
}

/** Bounds the bytes of one look-up's large pieces, whatever way they are stored. */
export class LargePieces {
  #left: number = LIMITS.evidenceTotalBytes;

  /** Whether a piece of this size still fits. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}

/** Bounds the bytes of one way of storing: its small pieces have room of their own. */
export class PieceBytes {
  readonly #large: LargePieces;
  #left: number = LIMITS.evidenceSmallBytes;

  constructor(large: LargePieces) {
    this.#large = large;
  }

  /** Whether a piece of this size still fits. */
  take(bytes: number): boolean {
    if (bytes > LIMITS.evidenceHereBytes) return this.#large.take(bytes);
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
