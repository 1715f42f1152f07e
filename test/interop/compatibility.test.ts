import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createWorkDirectory } from '../support/work-dir.ts';
import { nameOf, ROWS } from './dimensions.ts';
import { signatureTables, withTables } from './page.ts';
import { CODES, describeBad, partsOf, resultOf, toolOverlooks, type Result } from './result.ts';
import { startStage, type Stage } from './stage.ts';
import { tryRow, type Outcome } from './trial.ts';

/** Every signature that real tools make, verified by them and by Countersign, and refused by both with one byte changed. */
const PAGE = resolve(import.meta.dirname, '../../docs/compatibility.md');
const MINUTES = 60_000;
const work = createWorkDirectory('interop');
let stage: Stage;
let outcomes: ReadonlyMap<string, Promise<Outcome>>;

beforeAll(async () => {
  stage = await startStage(work.path);
  outcomes = tryAll(2);
}, 2 * MINUTES);
afterAll(async () => {
  await Promise.allSettled(outcomes.values());
  await stage.stop();
  work.remove();
}, 5 * MINUTES);

/** Rows in their order, so many at once: a tool is a process, and mostly waits. */
function tryAll(atOnce: number): ReadonlyMap<string, Promise<Outcome>> {
  const started = ROWS.map((row) => ({ row, ...Promise.withResolvers<Outcome>() }));
  const queue = [...started];
  const workThrough = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await tryRow(stage, next.row).then(next.resolve, next.reject);
    }
  };
  for (let each = 0; each < atOnce; each++) void workThrough();
  // Each test hears of its own row's failure.
  for (const { promise } of started) promise.catch(() => undefined);
  return new Map(started.map(({ row, promise }) => [nameOf(row), promise]));
}

async function outcomeOf(name: string): Promise<Outcome> {
  const outcome = await outcomes.get(name);
  if (outcome === undefined) throw new Error(`${name} was not tried`);
  return outcome;
}

describe('signatures', () => {
  test.each(ROWS.map((row) => [nameOf(row), row] as const))(
    '%s',
    async (name, row) => {
      const outcome = await outcomeOf(name);
      if (outcome.kind === 'impossible') return;
      const { good, bad } = outcome;
      expect(good.own.verdict).not.toBe('faulted');
      if (good.own.verdict !== 'verified') {
        // The page shows which; a tool that accepts is contradicted for one reason only.
        if (good.tool.accepted) expect([good.own.code, row.proof.name]).toEqual(['TIME_UNTRUSTED', 'none']);
        return;
      }
      const isToolHeard = good.tool.accepted;
      expect(describeBad(bad, isToolHeard)).toEqual(
        partsOf(row).map((change) => ({
          change,
          own: `violated ${CODES[change]}`,
          ...(isToolHeard && { tool: toolOverlooks(change, row) ? 'accepted' : 'refused' }),
        })),
      );
    },
    5 * MINUTES,
  );

  test('Countersign verifies everything that a tool verifies, but certificates that nobody dated', async () => {
    const results = await allResults();
    const kinds = Map.groupBy(results.values(), ({ kind }) => kind);
    expect(kinds.get('both')?.length).toBeGreaterThan(100);
    expect(new Set(kinds.get('tool only')?.map(({ code }) => code))).toEqual(new Set(['TIME_UNTRUSTED']));
  });

  test('docs/compatibility.md shows what was seen (make compatibility rewrites it)', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const seen = withTables(page, signatureTables(await allResults()));
    expect(seen).not.toMatch(/127\.0\.0\.1|[0-9a-f]{64}|\/tmp\//);
    if (process.env['WRITE_COMPATIBILITY'] === '1') writeFileSync(PAGE, seen);
    else expect(page).toBe(seen);
  });
});

async function allResults(): Promise<ReadonlyMap<string, Result>> {
  const results = new Map<string, Result>();
  for (const [name, outcome] of outcomes) results.set(name, resultOf(await outcome));
  return results;
}
