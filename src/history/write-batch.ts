import { sql, type Kysely, type Transaction } from 'kysely';
import { toAuditRow, type Change } from './change.ts';
import { toRow, type Tables, type VerificationCountTable } from './tables.ts';
import { ASKED, type Verification } from './verification.ts';

/** What is written at once, wholly or not at all. */
export interface Batch {
  /** Unique: a batch whose answer was lost is written again under the same one. */
  readonly id: string;
  readonly verifications: readonly Verification[];
  readonly changes: readonly Change[];
}

/** Milliseconds of one bucket of `verification_counts`. */
export const BUCKET = 300_000;

/** @throws what the database throws; nothing of the batch is then in it */
export async function writeBatch(db: Kysely<Tables>, batch: Batch, now: number): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const marked = await transaction
      .insertInto('written_batches')
      .values({ id: batch.id, time: now })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (marked.numInsertedOrUpdatedRows === 0n) return;
    const { verifications, changes } = batch;
    if (changes.length > 0) {
      await transaction.insertInto('audit').values(changes.map(toAuditRow)).execute();
    }
    if (verifications.length === 0) return;
    await transaction.insertInto('verifications').values(verifications.map(toRow)).execute();
    const counts = countsOf(verifications);
    if (counts.length > 0) await addCounts(transaction, counts);
  });
}

async function addCounts(
  transaction: Transaction<Tables>,
  counts: readonly VerificationCountTable[],
): Promise<void> {
  await transaction
    .insertInto('verification_counts')
    .values(counts)
    .onConflict((conflict) =>
      conflict.columns(['bucket', 'verdict', 'mode', 'decision', 'code', 'slsa_level']).doUpdateSet({
        verifications: sql<number>`verification_counts.verifications + excluded.verifications`,
      }),
    )
    .execute();
}

/** In one order everywhere: replicas that count the same things wait for one another, and never in a circle. */
function countsOf(verifications: readonly Verification[]): readonly VerificationCountTable[] {
  const counts = new Map<string, VerificationCountTable>();
  for (const { operation, time, verdict, mode, decision, code = '', slsaLevel = 0 } of verifications) {
    // What somebody only asked about changes no chart of what was admitted and denied.
    if (operation === ASKED) continue;
    const bucket = time - (time % BUCKET);
    const key = [bucket, verdict, mode, decision, code, slsaLevel].join(' ');
    const count = counts.get(key);
    if (count === undefined) {
      counts.set(key, { bucket, verdict, mode, decision, code, slsa_level: slsaLevel, verifications: 1 });
    } else count.verifications += 1;
  }
  return [...counts].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, count]) => count);
}

/** Two batches that hold the same; made of the same batch, they have the same names. */
export function halves({ id, verifications, changes }: Batch): readonly [Batch, Batch] {
  const [middle, half] = [Math.ceil(verifications.length / 2), Math.floor(changes.length / 2)];
  return [
    { id: `${id}.0`, verifications: verifications.slice(0, middle), changes: changes.slice(0, half) },
    { id: `${id}.1`, verifications: verifications.slice(middle), changes: changes.slice(half) },
  ];
}
