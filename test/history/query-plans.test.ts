import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { HistoryDatabase } from '../../src/history/database.ts';
import type { VerificationFilter } from '../../src/history/filter.ts';
import { lastUses } from '../../src/history/last-use.ts';
import { migrate } from '../../src/history/migrations.ts';
import { Reader, wayOf } from '../../src/history/reader.ts';
import { conditionsOf, Search, type Bounds } from '../../src/history/search.ts';
import { FIRST_TIME, generate, RARE_EVERY, STEP } from './generated.ts';
import { BOTH, databaseOf } from './support.ts';

const ROWS = 200_000;
const EVERYWHERE: Bounds = { before: undefined, from: undefined };
const SIGNER =
  'https://token.actions.githubusercontent.com https://github.com/org/app-1/.github/workflows/release.yml@refs/heads/main';

const whole: readonly (readonly [string, VerificationFilter])[] = [
  ['verifications_image_time', { image: { match: 'whole', text: 'ghcr.io/org-1/server-1:v1' } }],
  ['verifications_uid_time', { uid: 'c2f8-1' }],
  ['verifications_digest_time', { digest: `sha256:1000000000001${'0'.repeat(51)}` }],
  ['verifications_policy_time', { policy: 'ClusterSigningPolicy/policy-1' }],
  ['verifications_signer_time', { signer: SIGNER }],
  ['verifications_signer_entry_time', { signerEntry: 'ci-1' }],
  ['verifications_verdict_time', { verdict: 'faulted' }],
  ['verifications_namespace_time', { namespace: 'team-1' }],
  ['verifications_time', {}],
];

describe.each(BOTH)(`${ROWS} rows in %s`, (name, groundsOf) => {
  const grounds = groundsOf();
  let database: HistoryDatabase;
  let reader: Reader;
  beforeAll(async () => {
    database = databaseOf(await grounds.fresh());
    await migrate(database.writer, database.kind);
    await generate(database.writer, database.kind, ROWS);
    await sql.raw('analyze').execute(database.writer);
    reader = new Reader(database);
  }, 600_000);
  afterAll(async () => {
    await database.close();
    await grounds.stop();
  });

  async function planOf(query: {
    explain(): Promise<unknown[]>;
    compile(): { sql: string };
  }): Promise<string> {
    if (database.kind === 'postgres') return JSON.stringify(await query.explain());
    const { sql: text, parameters } = query.compile() as { sql: string; parameters: unknown[] };
    const plan = sql.raw(`explain query plan ${text}`).compile(database.reader);
    const { rows } = await database.reader.executeQuery({ ...plan, parameters });
    return JSON.stringify(rows);
  }

  const pages: readonly (readonly [string, Bounds])[] = [
    ['first', EVERYWHERE],
    [
      'later',
      { before: { time: FIRST_TIME + 100_000 * STEP, id: 100_000 }, from: { time: FIRST_TIME, id: 0 } },
    ],
  ];

  test.each(whole.flatMap(([index, filter]) => pages.map((page) => [index, filter, ...page] as const)))(
    'along %s %j, the %s page: read from the index in its order, not sorted',
    async (index, filter, _page, bounds) => {
      const search = new Search(database.reader, database.kind);
      const plan = await planOf(search.page({ lead: conditionsOf(filter)[0], rest: [], bounds }, 51));
      expect(plan).toContain(index);
      expect(plan).not.toMatch(/TEMP B-TREE|Sort|Seq Scan|SCAN verifications"/);
    },
  );

  test('the end of a window is found in the index alone', async () => {
    const search = new Search(database.reader, database.kind);
    const [lead] = conditionsOf({ policy: 'ClusterSigningPolicy/policy-1' });
    const plan = await planOf(search.placeAfter(lead, EVERYWHERE, 20_000));
    // PostgreSQL may choose another way while its visibility map is empty; the index it goes along is the same.
    expect(plan).toMatch(
      name === 'SQLite' ? /COVERING INDEX verifications_policy_time/ : /verifications_policy_time/,
    );
  });

  test('the last use of many signers is one look at the index for each, and one question', async () => {
    const entries = Array.from({ length: 500 }, (_, index) => `ci-${index}`);
    const { sql: text, parameters } = lastUses(entries).compile(database.reader);
    const explain = database.kind === 'postgres' ? 'explain' : 'explain query plan';
    const plan = await database.reader.executeQuery({
      ...sql.raw(`${explain} ${text}`).compile(database.reader),
      parameters,
    });
    expect(JSON.stringify(plan.rows)).toContain('verifications_signer_entry_time');
    expect(JSON.stringify(plan.rows)).not.toMatch(/TEMP B-TREE|Sort|Seq Scan|SCAN verifications/);
    const last = await reader.lastUses(entries);
    // Row n is of ci-(n % 40).
    expect([...last].map(([entry, time]) => [entry, (time - FIRST_TIME) / STEP])).toEqual(
      Array.from({ length: 40 }, (_, index) => [`ci-${index}`, index === 0 ? ROWS : ROWS - 40 + index]),
    );
    expect(await reader.lastUses([])).toEqual(new Map());
    expect(() => reader.lastUses(Array.from({ length: 501 }, () => 'x'))).toThrow('1 to 500');
  });

  test('few rows that begin alike are found by the index of names, and sorted', async () => {
    const search = new Search(database.reader, database.kind);
    const [lead] = conditionsOf({ image: { match: 'beginning', text: 'rare.example/' } });
    const plan = await planOf(search.page({ lead, rest: [], bounds: EVERYWHERE }, 51));
    expect(plan).toContain('verifications_image_time');
    const { rows } = await reader.verifications(
      { image: { match: 'beginning', text: 'rare.' } },
      undefined,
      50,
    );
    expect(rows).toHaveLength(Math.floor(ROWS / RARE_EVERY));
  });

  test('with several conditions, the one that the fewest rows fulfil leads', async () => {
    const filter = {
      verdict: 'verified',
      namespace: 'rare-team',
      policy: 'ClusterSigningPolicy/policy-2',
    } as const;
    const way = await wayOf(new Search(database.reader, database.kind), conditionsOf(filter), EVERYWHERE);
    expect(way.lead?.column).toBe('namespace');
    const { rows, next } = await reader.verifications(filter, undefined, 50);
    const expected = [1, RARE_EVERY + 1, 2 * RARE_EVERY + 1, 3 * RARE_EVERY + 1].filter(
      (n) => n % 20 === 2 && n % 10 < 8,
    );
    expect([rows.length, next]).toEqual([expected.length, undefined]);
  });

  test('the smallest leads; many that begin alike never do: they would all be sorted', async () => {
    const search = new Search(database.reader, database.kind);
    const lead = async (filter: VerificationFilter) =>
      (await wayOf(search, conditionsOf(filter), EVERYWHERE)).lead?.column;
    const common = { match: 'beginning', text: 'ghcr.io/' } as const;
    const rare = { match: 'beginning', text: 'rare.example/' } as const;
    expect(await lead({ image: common })).toBeUndefined();
    expect(await lead({ image: common, verdict: 'verified' })).toBe('verdict');
    expect(await lead({ image: rare, verdict: 'verified' })).toBe('image');
    expect(await lead({ policy: 'ClusterSigningPolicy/policy-1', namespace: 'team-1' })).toBe('namespace');
    expect(await lead({ image: { match: 'part', text: 'x' } })).toBeUndefined();
  });

  test('no planner takes another index than the one that leads', async () => {
    const search = new Search(database.reader, database.kind);
    const [policy, verdict] = conditionsOf({ policy: 'ClusterSigningPolicy/policy-1', verdict: 'faulted' });
    if (verdict === undefined || policy === undefined) throw new Error('two conditions');
    const plan = await planOf(search.page({ lead: verdict, rest: [policy], bounds: EVERYWHERE }, 51));
    expect(plan).not.toContain('verifications_policy_time');
  });

  test('what nothing fulfils ends, page by page, and each page in time', async () => {
    const filter = { image: { match: 'part', text: 'no-such-image' } } as const;
    let cursor: string | undefined;
    do {
      // One that took too long would be a fault.
      const page = await reader.verifications(filter, cursor, 50);
      expect(page.rows).toEqual([]);
      expect(page.next).not.toBe(cursor ?? '');
      cursor = page.next;
    } while (cursor !== undefined);
  });

  test('a window loses no row and repeats none', async () => {
    const filter: VerificationFilter = {
      verdict: 'verified',
      image: { match: 'part', text: 'server-0:' },
      from: FIRST_TIME + 1,
    };
    const ids: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await reader.verifications(filter, cursor, 7);
      ids.push(...page.rows.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== undefined);
    const expected = Array.from({ length: ROWS }, (_, index) => ROWS - index).filter(
      (n) => n % 5_000 === 0 && n % RARE_EVERY !== 0 && n > 1,
    );
    expect(ids).toEqual(expected);
  });

  test('the event loop does not wait for a search', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const searches = Array.from({ length: 4 }, () =>
      reader.verifications({ image: { match: 'part', text: 'no-such-image' } }, undefined, 500),
    );
    await Promise.all(searches);
    clearInterval(timer);
    // Each search has ten windows or as many as a second has room for. With SQLite in this thread it would be none at all.
    expect(turns).toBeGreaterThan(4);
  });

  test('many questions at once are refused, and the next one is answered', async () => {
    const ask = () => reader.verifications({}, undefined, 1);
    const answers = await Promise.allSettled(Array.from({ length: 40 }, ask));
    const refused = answers.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(24);
    expect(refused[0]).toMatchObject({ reason: { code: 'BUSY' } });
    expect((await ask()).rows).toHaveLength(1);
  });
});
