import { Fault } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { EvidencePlaces, PartialFindings, type Findings } from './findings.ts';
import type { MemoryBudget } from './gate.ts';
import { taggedPieces } from './layer-pieces.ts';
import { referrerPieces } from './referrer-pieces.ts';
import type { Repository } from './repository.ts';
import { Reservation, type Piece, type Search, type Subject } from './search.ts';

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
  for (const { refused, faults } of others) {
    const isTold = ({ source, code }: (typeof refused)[number]) =>
      findings.refused.some((each) => each.source === source && each.code === code);
    findings.refused.push(...refused.filter((each) => !isTold(each)));
    if (counts.faults.length > 0) findings.faults.push(...faults);
  }
}

async function searchIn(look: Look, repository: Repository, findings: Findings): Promise<void> {
  const { digest, attestations, fresh, signal, memory } = look;
  const lists: List[] = [referrerPieces, (search) => taggedPieces(search, 'sig')];
  if (attestations) lists.push((search) => taggedPieces(search, 'att'));
  const places = new EvidencePlaces(lists.length);
  const reservation = new Reservation(memory);
  const reserve = (bytes: number) => reservation.take(bytes);
  const search = { repository, digest, attestations, fresh, signal, findings, places, reserve };
  try {
    await Promise.all(lists.map((list) => readAll(search, list)));
  } finally {
    reservation.end();
  }
}

/** Nothing at all: is the image unsigned, or not there? */
async function imageItself({ host, exists, findings }: Look): Promise<void> {
  await findings.piece('image', async () => {
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

/** One way of storing evidence: what there is of it, not read yet. */
type List = (search: Search) => Promise<readonly Piece[]>;

async function readAll(search: Search, list: List): Promise<void> {
  const { findings, places } = search;
  let pieces: readonly Piece[] = [];
  try {
    pieces = await list(search);
  } catch (error) {
    findings.problem('signatures', error);
  }
  const { now, later } = places.claim(pieces.length);
  const read = (some: readonly Piece[]) =>
    Promise.all(some.map((piece) => findings.piece(piece.source, () => piece.read())));
  const first = read(pieces.slice(0, now));
  const allowed = now + (await later());
  await Promise.all([first, read(pieces.slice(now, allowed))]);
  if (pieces.length > allowed) {
    const detail = `of ${pieces.length} pieces of evidence the first ${allowed} were looked at; an image may have ${LIMITS.evidencePerImage} in all`;
    findings.refuse(pieces[allowed]?.source ?? '', 'LIMIT', detail);
  }
}
