import type { Reader } from '../history/reader.ts';
import type { StatisticsRow } from '../history/statistics.ts';
import { ASKED, type StoredVerification } from '../history/verification.ts';
import { parseOrProblem } from '../admission/judge-image.ts';
import { isoTime } from './history-entry.ts';
import type { Stats } from './schemas/history.ts';

/** Milliseconds since the epoch, and of one step. */
export interface StatsRange {
  readonly from: number;
  readonly until: number;
  readonly bucket: number;
}

/** Faulted rows that are looked at for their registries, in pages, and the milliseconds that this may take. */
const PAGE = 500;
const MAX_FAULTED = 4 * PAGE;
const FAULTED_TIME = 1_500;
/** Registries that are told of, those with the most faults first. */
const MAX_REGISTRIES = 20;

/** What charts are drawn from. @throws HistoryError */
export async function statsOf(
  history: Pick<Reader, 'statistics' | 'verifications'>,
  range: StatsRange,
): Promise<Stats> {
  const { from, until, bucket } = range;
  const [{ rows, isComplete }, faulted] = await Promise.all([
    history.statistics(range),
    faultedIn(history, range),
  ]);
  return {
    from: isoTime(from),
    until: isoTime(until),
    bucketSeconds: bucket / 1000,
    isComplete: isComplete && faulted.isComplete,
    buckets: bucketsOf(rows, range),
    codes: codesOf(rows),
    slsaLevels: levelsOf(rows),
    faultsByRegistry: registriesOf(faulted.rows),
  };
}

/** Every step of the range, also those in which nothing happened. */
function bucketsOf(rows: readonly StatisticsRow[], { from, until, bucket }: StatsRange): Stats['buckets'] {
  const first = from - (from % bucket);
  const starts = Array.from(
    { length: Math.ceil((until - first) / bucket) },
    (_, index) => first + index * bucket,
  );
  const byStart = Map.groupBy(rows, (row) => row.bucket);
  return starts.map((start) => {
    const own = byStart.get(start) ?? [];
    const of = (verdict: string): number => sum(own.filter((row) => row.verdict === verdict));
    return {
      start: isoTime(start),
      verified: of('verified'),
      violated: of('violated'),
      faulted: of('faulted'),
      denied: sum(own.filter(({ decision }) => decision === 'denied')),
    };
  });
}

function codesOf(rows: readonly StatisticsRow[]): Stats['codes'] {
  const groups = Map.groupBy(rows, ({ code = '', verdict }) => `${verdict} ${code}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      const code = first?.code;
      if (code === undefined) return [];
      const verdict = first?.verdict === 'faulted' ? ('faulted' as const) : ('violated' as const);
      return [{ code, verdict, verifications: sum(group) }];
    })
    .sort((a, b) => b.verifications - a.verifications);
}

/** Of what was verified: of the others nobody knows a level. */
function levelsOf(rows: readonly StatisticsRow[]): Stats['slsaLevels'] {
  const verified = rows.filter(({ verdict }) => verdict === 'verified');
  return [...Map.groupBy(verified, ({ slsaLevel = 0 }) => slsaLevel)]
    .map(([level, group]) => ({ level, verifications: sum(group) }))
    .sort((a, b) => a.level - b.level);
}

function sum(rows: readonly StatisticsRow[]): number {
  return rows.reduce((total, { verifications }) => total + verifications, 0);
}

interface Faulted {
  readonly rows: readonly StoredVerification[];
  readonly isComplete: boolean;
}

/** The newest first: where there are more than are read, the older ones are missing. */
async function faultedIn(
  history: Pick<Reader, 'verifications'>,
  { from, until }: StatsRange,
): Promise<Faulted> {
  const end = performance.now() + FAULTED_TIME;
  const rows: StoredVerification[] = [];
  let cursor: string | undefined;
  do {
    const page = await history.verifications({ verdict: 'faulted', from, until }, cursor, PAGE);
    rows.push(...page.rows.filter(({ operation }) => operation !== ASKED));
    cursor = page.next;
  } while (cursor !== undefined && rows.length < MAX_FAULTED && performance.now() < end);
  return { rows, isComplete: cursor === undefined };
}

function registriesOf(rows: readonly StoredVerification[]): Stats['faultsByRegistry'] {
  const named = rows.flatMap(({ image }) => {
    const reference = parseOrProblem(image);
    return 'problem' in reference ? [] : [reference.registry];
  });
  return [...Map.groupBy(named, (registry) => registry)]
    .map(([registry, { length }]) => ({ registry, faults: length }))
    .sort((a, b) => b.faults - a.faults || (a.registry < b.registry ? -1 : 1))
    .slice(0, MAX_REGISTRIES);
}
