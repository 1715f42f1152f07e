/**
 * `make bench-history ROWS=5000000`: how long the first page of each filter takes, with the way that the database goes, in SQLite and in
 * a real PostgreSQL. The first time is with what generating left in memory; warm is the median of the following ones.
 */
import { sql } from 'kysely';
import type { DatabaseKind, HistoryDatabase } from '../../src/history/database.ts';
import type { VerificationFilter } from '../../src/history/filter.ts';
import { migrate } from '../../src/history/migrations.ts';
import { Reader, wayOf } from '../../src/history/reader.ts';
import { conditionsOf, Search } from '../../src/history/search.ts';
import { FIRST_TIME, generate, RARE_EVERY, STEP } from '../history/generated.ts';
import { BOTH, databaseOf } from '../history/support.ts';

const rows = Number(process.argv[2]);
if (!Number.isInteger(rows) || rows < RARE_EVERY) {
  throw new Error(`give a number of rows, ${RARE_EVERY} or more: make bench-history ROWS=1000000`);
}

const PAGE = 50;
const WARM_ROUNDS = 5;
const WEEK = 7 * 24 * 3_600_000;
const LAST_TIME = FIRST_TIME + rows * STEP;

const SIGNER =
  'https://token.actions.githubusercontent.com https://github.com/org/app-1/.github/workflows/release.yml@refs/heads/main';

const FILTERS: readonly (readonly [string, VerificationFilter])[] = [
  ['none', {}],
  ['whole image', { image: { match: 'whole', text: 'ghcr.io/org-1/server-1:v1' } }],
  ['review', { uid: 'c2f8-1' }],
  ['digest', { digest: `sha256:1000000000001${'0'.repeat(51)}` }],
  ['policy', { policy: 'ClusterSigningPolicy/policy-1' }],
  ['signer, by identity', { signer: SIGNER }],
  ['signer, by name', { signerEntry: 'ci-1' }],
  ['verdict', { verdict: 'faulted' }],
  ['namespace', { namespace: 'team-1' }],
  ['time', { from: LAST_TIME - 3_600_000, until: LAST_TIME - 1_800_000 }],
  ['time and namespace', { from: LAST_TIME - 36_000_000, namespace: 'team-1' }],
  ['beginning of a name, rare', { image: { match: 'beginning', text: 'rare.example/' } }],
  ['beginning of a name, common', { image: { match: 'beginning', text: 'ghcr.io/' } }],
  [
    'rare namespace, policy, verdict',
    { namespace: 'rare-team', policy: 'ClusterSigningPolicy/policy-2', verdict: 'verified' },
  ],
  ['part of a name, one in 5,000', { image: { match: 'part', text: '/server-1234:' } }],
  ['part of a name that nothing has', { image: { match: 'part', text: 'no-such-image' } }],
];

async function measure(name: string, database: HistoryDatabase): Promise<void> {
  const started = performance.now();
  await migrate(database.writer, database.kind);
  await generate(database.writer, database.kind, rows);
  await sql.raw('analyze').execute(database.writer);
  console.log(
    `\n${name}: ${rows} rows, made in ${((performance.now() - started) / 1000).toFixed(0)} s; first page of ${PAGE}`,
  );
  console.log('filter                            first ms   warm ms  rows  way');
  const reader = new Reader(database);
  for (const [what, filter] of FILTERS) {
    const first = await timed(() => reader.verifications(filter, undefined, PAGE));
    const warm: number[] = [];
    for (let round = 0; round < WARM_ROUNDS; round += 1) {
      warm.push((await timed(() => reader.verifications(filter, undefined, PAGE))).milliseconds);
    }
    const [median = 0] = warm.toSorted((a, b) => a - b).slice(Math.floor(WARM_ROUNDS / 2));
    const numbers = [
      first.milliseconds.toFixed(1).padStart(9),
      median.toFixed(1).padStart(9),
      String(first.answer.rows.length).padStart(5),
    ];
    console.log(`${what.padEnd(33)} ${numbers.join(' ')}  ${await planOf(database, filter)}`);
  }
  const stats = await timed(() =>
    reader.statistics({ from: LAST_TIME - WEEK, until: LAST_TIME, bucket: 3_600_000 }),
  );
  console.log(`${'statistics of a week in hours'.padEnd(33)} ${stats.milliseconds.toFixed(1).padStart(9)}`);
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly answer: T; readonly milliseconds: number }> {
  const started = performance.now();
  const answer = await work();
  return { answer, milliseconds: performance.now() - started };
}

/** The plan of the page's own statement, in one line. */
async function planOf(database: HistoryDatabase, filter: VerificationFilter): Promise<string> {
  const search = new Search(database.reader, database.kind);
  const { from, until } = filter;
  const bounds = {
    before: until === undefined ? undefined : { time: until, id: 0 },
    from: from === undefined ? undefined : { time: from, id: 0 },
  };
  const way = await wayOf(search, conditionsOf(filter), bounds);
  const { sql: text, parameters } = search.page({ ...way, bounds }, PAGE + 1).compile();
  const plan = sql.raw(`${EXPLAIN[database.kind]} ${text}`).compile(database.reader);
  const { rows: lines } = await database.reader.executeQuery({ ...plan, parameters });
  return lines
    .map((line) => Object.entries(line as Readonly<Record<string, unknown>>))
    .map((fields) => String(fields.at(-1)?.[1]).replace(/\s+/g, ' ').trim())
    .filter((line) => /USING|Scan|Sort|TEMP/.test(line))
    .map((line) => line.replace(/ \(cost.*\)$/, '').slice(0, 120))
    .join('; ');
}

const EXPLAIN: Readonly<Record<DatabaseKind, string>> = { sqlite: 'explain query plan', postgres: 'explain' };

for (const [name, groundsOf] of BOTH) {
  const grounds = groundsOf();
  const database = databaseOf(await grounds.fresh());
  try {
    await measure(name, database);
  } finally {
    await database.close();
    await grounds.stop();
  }
}
