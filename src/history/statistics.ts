import { sql, type Kysely } from 'kysely';
import { badRequest } from './filter.ts';
import type { Tables } from './tables.ts';
import { BUCKET } from './write-batch.ts';

/** Milliseconds since the epoch, and the milliseconds of one step: a multiple of five minutes. `until` is left out. */
export interface StatisticsRange {
  readonly from: number;
  readonly until: number;
  readonly bucket: number;
}

/** How many verifications of one kind there were from `bucket` on. */
export interface StatisticsRow {
  readonly bucket: number;
  readonly verdict: string;
  readonly mode: string;
  readonly decision: string;
  /** Undefined where there is none. */
  readonly code: string | undefined;
  readonly slsaLevel: number | undefined;
  readonly verifications: number;
}

export interface Statistics {
  readonly rows: readonly StatisticsRow[];
  /** False: there are more rows than can be told; ask for larger buckets. */
  readonly isComplete: boolean;
}

const MAX_BUCKETS = 500;
/** Codes are a closed set of some forty: 500 buckets of everything at once are not to be expected. */
const MAX_ROWS = 10_000;

/** @throws HistoryError BAD_REQUEST */
export async function statistics(db: Kysely<Tables>, range: StatisticsRange): Promise<Statistics> {
  checkRange(range);
  const { from, until, bucket: size } = range;
  const bucket = sql<number>`bucket - bucket % ${sql.lit(size)}`;
  const rows = await db
    .selectFrom('verification_counts')
    .select(['verdict', 'mode', 'decision', 'code', 'slsa_level', bucket.as('start')])
    .select(sql<number>`cast(sum(verifications) as bigint)`.as('sum'))
    .where('bucket', '>=', from - (from % size))
    .where('bucket', '<', until)
    .groupBy(['start', 'verdict', 'mode', 'decision', 'code', 'slsa_level'])
    .orderBy('start')
    .limit(MAX_ROWS + 1)
    .execute();
  const told = rows.slice(0, MAX_ROWS).map(({ start, code, slsa_level, sum, ...rest }) => ({
    ...rest,
    bucket: start,
    code: code === '' ? undefined : code,
    slsaLevel: slsa_level === 0 ? undefined : slsa_level,
    verifications: sum,
  }));
  return { rows: told, isComplete: rows.length <= MAX_ROWS };
}

function checkRange({ from, until, bucket }: StatisticsRange): void {
  if (![from, until, bucket].every((value) => Number.isSafeInteger(value) && value >= 0) || from >= until) {
    throw badRequest('from and until are whole numbers of milliseconds since 1970, and from is earlier');
  }
  if (bucket < BUCKET || bucket % BUCKET !== 0) {
    throw badRequest('a bucket is a multiple of five minutes, in milliseconds');
  }
  if ((until - from) / bucket > MAX_BUCKETS) {
    throw badRequest(`at most ${MAX_BUCKETS} buckets are told at once`);
  }
}
