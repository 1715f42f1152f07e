import { sql, type Expression, type Kysely, type SqlBool } from 'kysely';
import type { DatabaseKind } from './database.ts';
import type { Place } from './cursor.ts';
import { endOfBeginning, type VerificationFilter } from './filter.ts';
import { IN_TIME } from './sqlite/in-time.ts';
import type { Tables } from './tables.ts';

/** A column that a page can be read along: its index has the order of pages for one value of it. */
export type LeadColumn =
  'image' | 'uid' | 'digest' | 'policy' | 'signer' | 'signer_entry' | 'verdict' | 'namespace';

/** One condition of a filter. */
export interface Condition {
  readonly column: LeadColumn;
  readonly match: 'whole' | 'beginning' | 'part';
  readonly text: string;
}

/** What a page is read from: along one index, between two places, keeping what fulfils the other conditions. */
export interface Walk {
  /** Undefined = along time alone. */
  readonly lead: Condition | undefined;
  readonly rest: readonly Condition[];
  readonly bounds: Bounds;
}

export interface Bounds {
  /** Exclusive. */
  readonly before: Place | undefined;
  /** Inclusive. */
  readonly from: Place | undefined;
}

export function conditionsOf(filter: VerificationFilter): readonly Condition[] {
  const { image, uid, digest, signer, signerEntry, policy, namespace, verdict } = filter;
  const whole = Object.entries({
    uid,
    digest,
    signer,
    signer_entry: signerEntry,
    policy,
    namespace,
    verdict,
  }).map(
    ([column, text]) => text !== undefined && { column: column as LeadColumn, match: 'whole' as const, text },
  );
  const named = image !== undefined && { column: 'image' as const, ...image };
  return [named, ...whole].filter((condition) => condition !== false);
}

/** Builds the statements that read verifications. */
export class Search {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;

  constructor(db: Kysely<Tables>, kind: DatabaseKind) {
    this.#db = db;
    this.#kind = kind;
  }

  /** Rows in the order of pages. */
  page({ lead, rest, bounds }: Walk, limit: number) {
    const query = this.#along(lead, bounds).selectAll();
    // The index of a beginning has another order: the few rows are sorted.
    const isSorted = lead?.match === 'beginning';
    return query
      .where((row) => row.and(rest.map((condition) => this.#residual(condition))))
      .orderBy(isSorted ? sql`+time` : 'time', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
  }

  /** The place that lies `rows` rows further along; none = there are fewer. Reads the index only. */
  placeAfter(lead: Condition | undefined, bounds: Bounds, rows: number) {
    return this.#along(lead, bounds)
      .select(['time', 'id'])
      .orderBy('time', 'desc')
      .orderBy('id', 'desc')
      .limit(1)
      .offset(rows);
  }

  /** How many rows fulfil a condition, counted up to `most`. Reads the index only. */
  size(condition: Condition, bounds: Bounds, most: number) {
    return this.#db
      .selectFrom(this.#along(condition, bounds).select('time').limit(most).as('some'))
      .select(({ fn }) => fn.countAll<number>().as('size'));
  }

  #along(lead: Condition | undefined, { before, from }: Bounds) {
    let query = this.#db.selectFrom('verifications');
    if (this.#kind === 'sqlite') query = query.where(sql<SqlBool>`${sql.ref(IN_TIME)}(id)`);
    if (lead?.match === 'beginning') query = query.where(beginsWith(sql.ref(lead.column), lead.text));
    if (lead?.match === 'whole') query = query.where(lead.column, '=', lead.text);
    const time = lead?.match === 'beginning' ? sql`+time` : sql.ref('time');
    if (before !== undefined) {
      query = query.where(sql<SqlBool>`(${time}, id) < (${before.time}, ${before.id})`);
    }
    if (from !== undefined) query = query.where(sql<SqlBool>`(${time}, id) >= (${from.time}, ${from.id})`);
    return query;
  }

  /** A condition that is held against each row: written so that no planner takes another index for it. */
  #residual({ column, match, text }: Condition): Expression<SqlBool> {
    const value = sql`(${sql.ref(column)} || '')`;
    if (match === 'whole') return sql<SqlBool>`${value} = ${text}`;
    if (match === 'beginning') return beginsWith(value, text);
    return this.#kind === 'sqlite'
      ? sql<SqlBool>`instr(${sql.ref(column)}, ${text}) > 0`
      : sql<SqlBool>`strpos(${sql.ref(column)}, ${text}) > 0`;
  }
}

function beginsWith(value: Expression<unknown>, text: string): Expression<SqlBool> {
  const end = endOfBeginning(text);
  return end === undefined
    ? sql<SqlBool>`${value} >= ${text}`
    : sql<SqlBool>`(${value} >= ${text} and ${value} < ${end})`;
}
