import { Fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import { EvidencePlaces, LargePieces, PartialFindings, type Findings } from './findings.ts';
import type { MemoryBudget } from './gate.ts';
import { taggedPieces } from './layer-pieces.ts';
import { referrerPieces } from './referrer-pieces.ts';
import type { Repository } from './repository.ts';
import { readPieces, Reservation, type Piece, type Search, type Subject } from './search.ts';

/** One look for all evidence of one digest. */
export interface Look extends Subject {
  /** Where evidence may lie: mirrors in their order. */
  readonly mirrors: readonly Repository[];
  /** The same, asked last: what it says counts. */
  readonly origin: Repository;
  /** The image's own registry, for messages, and whether the image is there: "no evidence" may mean "no such image". */
  readonly host: string;
  readonly exists: () => Promise<boolean>;
  /** Rely on nothing that is remembered of a registry, nor on a mirror alone. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
  /** Whether the time for reading is over. */
  readonly isLate: () => boolean;
  readonly memory: MemoryBudget;
  readonly findings: Findings;
}

/**
 * Finds everything that says something about a digest: cosign 1–2's signatures and attestations, and what refers to it,
 * at once. Adds to `findings` as it goes and does not throw.
 *
 * A mirror that has evidence is enough, and one that has none, or fails, hides nothing: the registry is asked then. A
 * fresh look asks all of them at once, because a mirror may be behind.
 */
export async function discover(look: Look): Promise<void> {
  const { mirrors, findings } = look;
  const known = new Set<string>();
  const part = (isOrigin: boolean) => new PartialFindings(findings, known, isOrigin);
  if (mirrors.length === 0) await searchIn(look, look.origin, findings);
  else if (look.fresh) {
    const asked = mirrors.map((mirror) => ({ mirror, found: part(false) }));
    const own = part(true);
    await Promise.all([
      searchIn(look, look.origin, own),
      ...asked.map(({ mirror, found }) => searchIn(look, mirror, found)),
    ]);
    tell(
      findings,
      own,
      asked.map(({ found }) => found),
    );
  } else await oneAfterAnother(look, part);
  if (findings.isEmpty) await imageItself(look);
}

async function oneAfterAnother(look: Look, part: (isOrigin: boolean) => PartialFindings): Promise<void> {
  const { findings } = look;
  const before: PartialFindings[] = [];
  for (const mirror of look.mirrors) {
    const found = part(false);
    await searchIn(look, mirror, found);
    before.push(found);
    if (found.evidence.length > 0 && found.faults.length === 0) return tell(findings, found, []);
  }
  const own = part(true);
  await searchIn(look, look.origin, own);
  tell(findings, own, before);
}

/** What counts, and beside it what others refused; their faults only where what counts has some, too. */
function tell(findings: Findings, counts: Findings, others: readonly Findings[]): void {
  findings.refused.push(...counts.refused);
  findings.faults.push(...counts.faults);
  findings.isCut ||= [counts, ...others].some(({ isCut }) => isCut);
  for (const { refused, faults } of others) {
    const isTold = ({ source, code }: (typeof refused)[number]) =>
      findings.refused.some((each) => each.source === source && each.code === code);
    findings.refused.push(...refused.filter((each) => !isTold(each)));
    if (counts.faults.length > 0) findings.faults.push(...faults);
  }
}

/** One way of storing evidence. */
interface Way {
  readonly source: string;
  /** What its pieces say they are. */
  readonly claims?: NonNullable<RefusedEvidence['claims']>;
  /** What there is of it, not read yet. */
  readonly list: (search: Search) => Promise<readonly Piece[]>;
}

const WAYS: readonly Way[] = [
  { source: 'the referrers', list: referrerPieces },
  { source: 'the tag of signatures', claims: 'signature', list: (search) => taggedPieces(search, 'sig') },
];
const ATTESTATIONS: Way = {
  source: 'the tag of attestations',
  claims: 'attestation',
  list: (search) => taggedPieces(search, 'att'),
};

async function searchIn(look: Look, repository: Repository, findings: Findings): Promise<void> {
  const ways = look.attestations ? [...WAYS, ATTESTATIONS] : WAYS;
  const places = new EvidencePlaces(ways.length);
  const large = new LargePieces();
  const reservations = ways.map(() => new Reservation(look.memory, large));
  const common = { ...look, repository, findings, places, blobs: new Map() };
  try {
    const reading = reservations.map(async (reservation, index) => {
      const way = ways[index];
      if (way !== undefined) await readAll({ ...common, reservation }, way);
    });
    await Promise.all(reading);
  } finally {
    for (const reservation of reservations) reservation.end();
  }
}

/** Nothing at all: is the image unsigned, or not there? */
async function imageItself({ host, exists, findings }: Look): Promise<void> {
  await findings.piece({ source: 'image', rank: 0 }, async () => {
    if (!(await exists())) throw imageNotFound(host);
    return undefined;
  });
}

export function imageNotFound(host: string): Fault {
  return new Fault(
    'IMAGE_NOT_FOUND',
    `registry ${host} has no such image; check its name, and whether Countersign's credentials may see it`,
  );
}

async function readAll(search: Search, { list, ...way }: Way): Promise<void> {
  let pieces: readonly Piece[] = [];
  try {
    pieces = await list(search);
  } catch (error) {
    search.findings.problem(way, error);
  }
  const share = search.places.claim(pieces.length);
  await readPieces(search, pieces, share, { ...way, rank: 0, atOnce: LIMITS.evidenceAtOnce });
}
