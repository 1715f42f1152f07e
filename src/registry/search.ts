import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Evidence } from '../sigstore/evidence.ts';
import { linked } from './content.ts';
import { LargePieces, type EvidencePlaces, type Findings } from './findings.ts';
import type { MemoryBudget } from './gate.ts';
import type { Descriptor } from './manifest.ts';
import type { Repository } from './repository.ts';

/** What is looked for, wherever it is. */
export interface Subject {
  readonly digest: string;
  /** Also what only attestations are kept as; without it, fewer questions are asked. */
  readonly attestations: boolean;
}

/** One look for all evidence of one digest in one repository. */
export interface Search extends Subject {
  readonly repository: Repository;
  /** Do not rely on what is remembered of the registry. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  readonly findings: Findings;
  readonly places: EvidencePlaces;
  /** @throws Refusal LIMIT when the evidence is too much in all; Fault OVERLOADED */
  reserve(bytes: number): void;
}

/** One piece that may be evidence. */
export interface Piece {
  readonly source: string;
  /** The evidence; undefined where it is none, or where the piece put into the findings itself what it holds. */
  read(): Promise<Evidence | undefined>;
}

/** Bytes of one look: bounded for the look itself, and taken from what all looks share until it ends. */
export class Reservation {
  readonly #memory: MemoryBudget;
  readonly #large = new LargePieces();
  #taken = 0;

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
  }

  /** @throws Refusal LIMIT; Fault OVERLOADED */
  take(bytes: number): void {
    if (!this.#large.take(bytes)) {
      throw new Refusal(
        'LIMIT',
        `the evidence of one image may have ${LIMITS.evidenceTotalBytes} bytes in all, and this is above`,
      );
    }
    this.#memory.take(bytes);
    this.#taken += bytes;
  }

  end(): void {
    this.#memory.give(this.#taken);
    this.#taken = 0;
  }
}

/** What a descriptor of evidence links to. @throws Fault; Refusal */
export async function contentOf(search: Search, descriptor: Descriptor, source: string): Promise<Uint8Array> {
  const { repository, signal } = search;
  const holder = { host: repository.host, source };
  return linked(descriptor, holder, LIMITS.evidenceBytes, async (maxBytes) => {
    search.reserve(descriptor.size);
    return repository.blob(descriptor.digest, maxBytes, signal);
  });
}

/** What the parser reads; undefined, and told in the findings, where it refuses. */
export function parseOr<T>(search: Search, source: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    search.findings.problem(source, error);
    return undefined;
  }
}
