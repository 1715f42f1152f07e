import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';
import type { HistoryDatabase } from '../../src/history/database.ts';
import type { History } from '../../src/history/history.ts';
import { migrate, migratorFor } from '../../src/history/migrations.ts';
import type { Tables } from '../../src/history/tables.ts';
import { decision, excepted, image, violated } from '../observe/decision.ts';
import { eventually } from '../kube/eventually.ts';
import { generate } from './generated.ts';
import { BOTH, databaseOf, open, Told, type Ground } from './support.ts';

describe.each(BOTH)('the tables in %s', (_name, groundsOf) => {
  const grounds = groundsOf();
  const opened: HistoryDatabase[] = [];
  let history: History | undefined;
  afterEach(async () => {
    await history?.stop(5_000);
    await Promise.all(opened.splice(0).map((database) => database.close()));
  });
  afterAll(() => grounds.stop());

  const opening = (ground: Ground): HistoryDatabase => {
    const database = databaseOf(ground);
    opened.push(database);
    return database;
  };

  const columnsOf = async (db: Kysely<Tables>): Promise<readonly string[]> =>
    (await db.introspection.getTables())
      .filter(({ name }) => name === 'verifications')
      .flatMap(({ columns }) => columns.map(({ name }) => name));

  test('of the first version are brought up to date with what is in them', async () => {
    const ground = await grounds.fresh();
    const database = opening(ground);
    const first = await migratorFor(database.writer, database.kind).migrateTo('0001-verifications');
    expect(first.results).toMatchObject([{ status: 'Success' }]);
    expect(await columnsOf(database.writer)).not.toContain('exception');
    await generate(database.writer, database.kind, 100);

    const told = new Told();
    history = open(ground, told);
    history.decided(decision({ uid: 'u-new', images: [image([excepted(violated())])] }), 1);
    await eventually('it is written', () => told.rows === 1);
    expect(told.lines).toEqual([]);
    expect((await history.reader.verifications({ uid: 'u-new' }, undefined, 5)).rows).toMatchObject([
      { exception: 'incident-1' },
    ]);
    const old = await history.reader.verifications({ uid: 'c2f8-7' }, undefined, 5);
    expect(old.rows).toMatchObject([{ id: 7, exception: undefined }]);
  });

  test('are the same whether they were made at once or step by step', async () => {
    const [atOnce, byStep] = [opening(await grounds.fresh()), opening(await grounds.fresh())];
    await migrate(atOnce.writer, atOnce.kind);
    await migratorFor(byStep.writer, byStep.kind).migrateTo('0001-verifications');
    await migrate(byStep.writer, byStep.kind);
    expect(await columnsOf(byStep.writer)).toEqual(await columnsOf(atOnce.writer));
    expect(await columnsOf(atOnce.writer)).toContain('exception');
  });
});
