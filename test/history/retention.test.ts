import { afterAll, describe, expect, test } from '@jest/globals';
import { Retention } from '../../src/history/retention.ts';
import { migrate } from '../../src/history/migrations.ts';
import { silentLogger } from '../../src/log.ts';
import { FIRST_TIME, generate, STEP } from './generated.ts';
import { BOTH, databaseOf, Told } from './support.ts';

const DAY = 86_400_000;

describe.each(BOTH)('retention in %s', (_name, groundsOf) => {
  const grounds = groundsOf();
  afterAll(() => grounds.stop());

  async function after(days: number, rows: number, now: number) {
    const database = databaseOf(await grounds.fresh());
    await migrate(database.writer, database.kind);
    await generate(database.writer, database.kind, 3_000);
    const told = new Told();
    const retention = new Retention({
      database,
      meter: told,
      logger: silentLogger,
      now: () => now,
      settings: { days, rows },
      interval: DAY,
      pause: 0,
    });
    const ids = async () => {
      const found = await database.writer.selectFrom('verifications').select('id').orderBy('id').execute();
      return found.map(({ id }) => id);
    };
    return { database, retention, told, ids };
  }

  test('takes away what is too old, and nothing else', async () => {
    const { database, retention, told, ids } = await after(1, 1_000_000, FIRST_TIME + 2_000 * STEP + DAY);
    expect(await retention.pass()).toBe(1_999);
    expect(told.gone).toBe(1_999);
    expect((await ids()).slice(0, 2)).toEqual([2_000, 2_001]);
    expect(await retention.pass()).toBe(0);
    const counts = await database.writer.selectFrom('verification_counts').select('bucket').execute();
    expect(counts.every(({ bucket }) => bucket >= FIRST_TIME + 2_000 * STEP - 300_000)).toBe(true);
    await database.close();
  });

  test('takes away what is too much, the oldest first', async () => {
    const { database, retention, ids } = await after(3_000, 1_000, FIRST_TIME);
    expect(await retention.pass()).toBe(2_000);
    expect((await ids())[0]).toBe(2_001);
    await database.close();
  });

  test('makes room by a twentieth of what there is', async () => {
    const { database, retention, ids } = await after(3_000, 1_000_000, FIRST_TIME);
    await retention.makeRoom();
    expect((await ids())[0]).toBe(151);
    await database.close();
  });
});
