import type { Kysely } from 'kysely';
import { asError } from '../errors.ts';
import { fromAuditRow, type StoredChange } from './change.ts';
import { readCursor, writeCursor, type Page, type Place } from './cursor.ts';
import { HistoryError, READ_LIMIT, type HistoryDatabase } from './database.ts';
import { exported, type ExportFormat } from './export.ts';
import { badRequest, checkFilter, type VerificationFilter } from './filter.ts';
import { lastUses } from './last-use.ts';
import { isOutOfTime } from './postgres/postgres-database.ts';
import { conditionsOf, Search, type Bounds, type Condition, type Walk } from './search.ts';
import { DEADLINE } from './sqlite/messages.ts';
import { SqliteError } from './sqlite/sqlite-link.ts';
import { statistics, type Statistics, type StatisticsRange } from './statistics.ts';
import { fromRow, type Tables } from './tables.ts';
import type { StoredVerification } from './verification.ts';
import { storedEntry } from './verifications-of.ts';

/** Rows of one page. */
export const MAX_PAGE = 500;
/** Rows of one export. */
export const MAX_EXPORT = 1_000_000;

export interface ExportOptions {
  readonly maxRows?: number;
  readonly signal?: AbortSignal;
}

/** A condition that fewer rows fulfil is looked at first, and the few that begin alike are sorted. */
const FEW = 5_000;
/** Rows that are held against the other conditions in one statement. */
const WINDOW = 20_000;
/** Milliseconds for one page: what was found by then is the page, and the next one goes on from there. */
const PAGE_TIME = 1_000;
/** Questions at a time: the pages of a few administrators. */
const MAX_READS = 16;

/** Reads what was written. Everything has an end: rows, time, and how many ask at once. */
export class Reader {
  readonly #database: HistoryDatabase;
  #reads = 0;

  constructor(database: HistoryDatabase) {
    this.#database = database;
  }

  /** @throws HistoryError */
  verifications(
    filter: VerificationFilter,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<StoredVerification>> {
    checkFilter(filter);
    checkLimit(limit);
    const bounds = boundsOf(filter, cursor);
    return this.#ask((db) => this.#page(new Search(db, this.#database.kind), filter, bounds, limit));
  }

  /** @throws HistoryError */
  statistics(range: StatisticsRange): Promise<Statistics> {
    return this.#ask((db) => statistics(db, range));
  }

  /** @throws HistoryError */
  changes(
    filter: { readonly actor?: string; readonly name?: string },
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<StoredChange>> {
    checkLimit(limit);
    const { before } = boundsOf({}, cursor);
    return this.#ask(async (db) => {
      let query = db.selectFrom('audit').selectAll();
      if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor);
      if (filter.name !== undefined) query = query.where('name', '=', filter.name);
      if (before !== undefined) {
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('time', 'id'), '<', tuple(before.time, before.id)),
        );
      }
      const rows = await query
        .orderBy('time', 'desc')
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return pageOf(rows.map(fromAuditRow), limit);
    });
  }

  /** When entries of policies, such as `TrustedSigner "ci"`, last verified an image; never = left out. @throws HistoryError */
  lastUses(entries: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (entries.length > MAX_PAGE) throw badRequest(`a question has 1 to ${MAX_PAGE} entries`);
    if (entries.length === 0) return Promise.resolve(new Map());
    return this.#ask(async (db) => {
      const kept = new Map(entries.map((entry) => [storedEntry(entry), entry]));
      const { rows } = await lastUses([...kept.keys()]).execute(db);
      return new Map(
        rows.flatMap(({ entry, time }) => (time === null ? [] : [[kept.get(entry) ?? entry, Number(time)]])),
      );
    });
  }

  /** Pieces of text, page by page, until the signal aborts. @throws HistoryError; the signal's reason */
  export(
    format: ExportFormat,
    filter: VerificationFilter,
    { maxRows = MAX_EXPORT, signal }: ExportOptions = {},
  ): AsyncGenerator<string, void> {
    const page = async (cursor: string | undefined) => {
      signal?.throwIfAborted();
      return this.verifications(filter, cursor, MAX_PAGE);
    };
    return exported(format, page, Math.min(maxRows, MAX_EXPORT));
  }

  async #page(
    search: Search,
    filter: VerificationFilter,
    bounds: Bounds,
    limit: number,
  ): Promise<Page<StoredVerification>> {
    const { lead, rest } = await wayOf(search, conditionsOf(filter), bounds);
    const end = performance.now() + PAGE_TIME;
    const found: StoredVerification[] = [];
    let before = bounds.before;
    do {
      const walk = await windowOf(search, { lead, rest, bounds: { ...bounds, before } });
      const rows = await search.page(walk, limit + 1 - found.length).execute();
      found.push(...rows.map(fromRow));
      if (found.length > limit) return pageOf(found, limit);
      if (walk.bounds.from === bounds.from) return { rows: found, next: undefined };
      before = walk.bounds.from;
    } while (performance.now() < end);
    return { rows: found, next: before === undefined ? undefined : writeCursor(before) };
  }

  async #ask<T>(question: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    if (this.#reads >= MAX_READS) throw new HistoryError('BUSY', 'too many questions are under way');
    this.#reads += 1;
    const answer = question(this.#database.reader).finally(() => {
      this.#reads -= 1;
    });
    try {
      return await withinLimit(answer);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): HistoryError {
    if (error instanceof HistoryError) return error;
    if (isOutOfTime(error) || (error instanceof SqliteError && error.problem.code === DEADLINE))
      return tooSlow(error);
    this.#database.failure(error);
    const message = `the history cannot be read now: ${asError(error).message}`;
    return new HistoryError('UNAVAILABLE', message, { cause: error });
  }
}

/** Which index to go along: that of the condition which the fewest rows fulfil. */
export async function wayOf(
  search: Search,
  conditions: readonly Condition[],
  bounds: Bounds,
): Promise<Pick<Walk, 'lead' | 'rest'>> {
  const candidates = conditions.filter(({ match }) => match !== 'part');
  if (candidates.length === 1 && candidates[0]?.match === 'whole') return without(conditions, candidates[0]);
  let best: { readonly condition: Condition; readonly size: number } | undefined;
  for (const condition of candidates) {
    const { size } = await search.size(condition, bounds, FEW).executeTakeFirstOrThrow();
    // The index of a beginning does not have the order of pages: too many rows cannot be sorted.
    if (condition.match === 'beginning' && size >= FEW) continue;
    if (best === undefined || size < best.size) best = { condition, size };
  }
  return without(conditions, best?.condition);
}

function without(conditions: readonly Condition[], lead: Condition | undefined): Pick<Walk, 'lead' | 'rest'> {
  return { lead, rest: conditions.filter((condition) => condition !== lead) };
}

/** Where rows are held against further conditions, so many at a time. */
async function windowOf(search: Search, walk: Walk): Promise<Walk> {
  const { lead, rest, bounds } = walk;
  if (rest.length === 0 || lead?.match === 'beginning') return walk;
  const from = await search.placeAfter(lead, bounds, WINDOW).executeTakeFirst();
  return from === undefined ? walk : { ...walk, bounds: { ...bounds, from } };
}

function boundsOf({ from, until }: VerificationFilter, cursor: string | undefined): Bounds {
  const place = cursor === undefined ? undefined : readCursor(cursor);
  const end = until === undefined ? undefined : { time: until, id: 0 };
  const isEarlier = place !== undefined && (end === undefined || place.time < end.time);
  return { before: isEarlier ? place : end, from: from === undefined ? undefined : { time: from, id: 0 } };
}

/** @param rows one more than a page where there is a next one */
function pageOf<T extends Place>(rows: readonly T[], limit: number): Page<T> {
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined
    ? { rows: rows.slice(0, limit), next: writeCursor(last) }
    : { rows, next: undefined };
}

function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw badRequest(`a page has 1 to ${MAX_PAGE} rows`);
  }
}

/** A disk that does not answer stops even the statement's own clock. */
async function withinLimit<T>(answer: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooSlow(undefined)), READ_LIMIT + PAGE_TIME * 2);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined);
  }
}

function tooSlow(cause: unknown): HistoryError {
  return new HistoryError(
    'TIMEOUT',
    'the question takes too long: ask for a shorter time, or for more that is known',
    {
      cause,
    },
  );
}
