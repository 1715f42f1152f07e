import type { EvidenceAsk } from '../admission/ports.ts';
import { Fault, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { FoundEvidence, LargeEvidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import { checkLink, linked } from './content.ts';
import type { Hint } from './evidence-order.ts';
import { PieceBytes, type EvidencePlaces, type Findings, type LargePieces } from './findings.ts';
import type { MemoryBudget } from './gate.ts';
import type { Descriptor } from './manifest.ts';
import type { Repository } from './repository.ts';

/** What is looked for, wherever it is. */
export interface Subject {
  readonly digest: string;
  /** Also what only attestations are kept as; without it, fewer questions are asked. */
  readonly attestations: boolean;
  /** What is read first. */
  readonly ask: EvidenceAsk;
}

/** One look for all evidence of one digest in one repository, in one way of storing. */
export interface Search extends Subject {
  readonly repository: Repository;
  /** Do not rely on what is remembered of the registry. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  /** Whether the time for reading is over: who waits needs the rest to verify what was read. */
  readonly isLate: () => boolean;
  readonly findings: Findings;
  readonly places: EvidencePlaces;
  readonly reservation: Reservation;
  /** Blobs that were asked for, by digest and size: what is signed again each night is the same payload each time. */
  readonly blobs: Map<string, Promise<Uint8Array | undefined>>;
}

/** One piece that may be evidence. */
export interface Piece extends Pick<RefusedEvidence, 'source' | 'claims' | 'claimedType'> {
  readonly hint: Hint;
  /**
   * The evidence; undefined where it is none, or where the piece put into the findings itself what it holds.
   * @param rank its place in the order of reading
   */
  read(rank: number): Promise<FoundEvidence | undefined>;
}

/** The bytes of one image are used up: a bound on all pieces, and no fault of this one. */
class OutOfBytes extends Refusal {
  constructor() {
    super('LIMIT', 'the evidence of the image is larger than it may be in all');
  }
}

/** Bytes of one way of storing: bounded for itself, and taken from what all looks share until the look ends. */
export class Reservation {
  readonly #memory: MemoryBudget;
  readonly #bytes: PieceBytes;
  #taken = 0;

  /** @param large shared by all ways of storing of one look */
  constructor(memory: MemoryBudget, large: LargePieces) {
    this.#memory = memory;
    this.#bytes = new PieceBytes(large);
  }

  /** @throws Refusal LIMIT; Fault OVERLOADED */
  take(bytes: number): void {
    this.count(bytes);
    this.#memory.take(bytes);
    this.#taken += bytes;
  }

  /** Bytes that are read later. @throws Refusal LIMIT */
  count(bytes: number): void {
    if (!this.#bytes.take(bytes)) throw new OutOfBytes();
  }

  end(): void {
    this.#memory.give(this.#taken);
    this.#taken = 0;
  }
}

/** What a descriptor of evidence links to. @throws Fault; Refusal */
export async function contentOf(search: Search, descriptor: Descriptor, source: string): Promise<Uint8Array> {
  const { repository, signal, blobs, reservation } = search;
  const { digest, size } = descriptor;
  const holder = { host: repository.host, source };
  return linked(descriptor, holder, LIMITS.evidenceBytes, async (maxBytes) => {
    const key = `${digest} ${size}`;
    const asked = blobs.get(key);
    if (asked !== undefined) return asked;
    reservation.take(size);
    const blob = repository.blob(digest, maxBytes, signal);
    blobs.set(key, blob);
    return blob;
  });
}

/**
 * A bundle or envelope that is too large to be read here; undefined for any other. Content that the descriptor carries itself is a copy
 * of what the repository has, and is not used.
 * @throws Refusal
 */
export function largeEvidence(
  search: Search,
  descriptor: Descriptor,
  form: LargeEvidence['form'],
  source: string,
): LargeEvidence | undefined {
  const { digest, size } = descriptor;
  if (size <= LIMITS.evidenceHereBytes) return undefined;
  checkLink(descriptor, search.attestations ? LIMITS.attestationBytes : LIMITS.evidenceBytes);
  search.reservation.count(size);
  const annotations = form === 'bundle' ? {} : descriptor.annotations;
  return { kind: 'large', form, source, digest, size, annotations };
}

/** Which pieces may be read: the first of them at once, the others as soon as it is known how many. */
export interface Share {
  readonly now: number;
  readonly later: () => Promise<number>;
}

/** How pieces are read, and what they are called. */
export interface Reading {
  readonly source: string;
  readonly claims?: NonNullable<RefusedEvidence['claims']>;
  /** Rank of the first piece. */
  readonly rank: number;
  readonly atOnce: number;
}

/**
 * Reads pieces in their order, a few at a time, and notes it when a bound leaves some unread: there are more than an image may
 * have, their bytes, or the time.
 */
export async function readPieces(
  search: Search,
  pieces: readonly Piece[],
  { now, later }: Share,
  { source, claims, rank, atOnce }: Reading,
): Promise<void> {
  const { findings, signal, repository } = search;
  const allowed = later().then((more) => now + more);
  const unread = { bytes: 0, time: 0 };
  let next = 0;
  const readOn = async (): Promise<void> => {
    for (let index = next++; index < pieces.length; index = next++) {
      const piece = pieces[index];
      if (piece === undefined || (index >= now && index >= (await allowed))) return;
      if (search.isLate()) findings.pause();
      if (signal.aborted) unread.time += 1;
      else if (!(await readOne(findings, piece, rank + index))) unread.bytes += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, pieces.length) }, readOn));
  const total = pieces.length;
  const read = Math.min(total, await allowed);
  if (read < total) {
    findings.bound(
      source,
      `${read} of ${total} ${PIECES}: an image may have ${LIMITS.evidencePerImage} in all`,
      claims,
    );
  }
  if (unread.bytes > 0) {
    const limits = `${LIMITS.evidenceSmallBytes} bytes of signatures, ${LIMITS.evidenceTotalBytes} of larger pieces`;
    findings.bound(
      source,
      `${read - unread.bytes} of ${total} ${PIECES}: an image may have ${limits}`,
      claims,
    );
  }
  if (unread.time > 0) {
    const detail = `${read - unread.time} of ${total} pieces of evidence (${source}) were read in time`;
    findings.isCut = true;
    findings.faults.push(new Fault('TIMEOUT', `registry ${repository.host} is slow: ${detail}`));
  }
}

const PIECES = 'pieces of evidence were looked at, the most promising first';

/** False where the bytes of the image are used up. */
async function readOne(findings: Findings, piece: Piece, rank: number): Promise<boolean> {
  let fits = true;
  await findings.piece({ ...piece, rank }, async () => {
    try {
      return await piece.read(rank);
    } catch (error) {
      if (!(error instanceof OutOfBytes)) throw error;
      fits = false;
      return undefined;
    }
  });
  return fits;
}

/** What the parser reads; undefined, and told in the findings, where it refuses. */
export function parseOr<T>(search: Search, source: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    search.findings.problem({ source }, error);
    return undefined;
  }
}
