import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import type { DatabaseKind } from './database.ts';
import type { Tables } from './tables.ts';

/** Columns that a search may begin with: each has an index in the order of pages, so that a page is read and never sorted. */
const SEARCHED = ['image', 'digest', 'policy', 'signer', 'verdict', 'namespace'] as const;

/**
 * Brings the tables up to date. Replicas may do so at once: PostgreSQL's migrations hold a lock.
 * @throws Error also when a newer version of the program made the tables
 */
export async function migrate(db: Kysely<Tables>, kind: DatabaseKind): Promise<void> {
  const { error } = await migratorFor(db, kind).migrateToLatest();
  if (error !== undefined) throw error;
}

/** By the order of their names. What has been released is never changed: a new step follows it. */
export function migratorFor(db: Kysely<Tables>, kind: DatabaseKind): Migrator {
  const migrations = {
    '0001-verifications': firstTables(kind),
    '0002-exceptions': exceptions(kind),
    '0003-signers': signers,
  };
  return new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    migrationTableName: 'countersign_migrations',
    migrationLockTableName: 'countersign_migration_lock',
  });
}

function firstTables(kind: DatabaseKind): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await createVerifications(db, kind);
      await createCounts(db, kind);
      await createAudit(db, kind);
      await db.schema
        .createTable('written_batches')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('time', 'bigint', (column) => column.notNull())
        .execute();
    },
  };
}

/** Which exception a row owes its admission to; and rows by the review that they belong to. */
function exceptions(kind: DatabaseKind): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('verifications').addColumn('exception', textOf(kind)).execute();
      await createIndex(db, 'verifications', ['uid']);
    },
  };
}

/** Rows by the entry that their signer was trusted as: what has a TrustedSigner vouched for. */
const signers: Migration = {
  async up(db: Kysely<unknown>) {
    await createIndex(db, 'verifications', ['signer_entry']);
  },
};

/** Compared byte by byte in both: the beginning of an image's name is a range. */
const textOf = (kind: DatabaseKind) => (kind === 'postgres' ? sql`text collate "C"` : ('text' as const));

function tableWithId(db: Kysely<unknown>, kind: DatabaseKind, table: string) {
  return kind === 'postgres'
    ? db.schema
        .createTable(table)
        .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    : db.schema.createTable(table).addColumn('id', 'integer', (column) => column.primaryKey());
}

async function createVerifications(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  const text = textOf(kind);
  await tableWithId(db, kind, 'verifications')
    .addColumn('time', 'bigint', (column) => column.notNull())
    .addColumn('uid', text, (column) => column.notNull())
    .addColumn('image', text, (column) => column.notNull())
    .addColumn('digest', text)
    .addColumn('is_private', 'integer', (column) => column.notNull())
    .addColumn('signature_found', 'integer')
    .addColumn('signature_valid', 'integer')
    .addColumn('signer_entry', text)
    .addColumn('signer', text)
    .addColumn('issuer', text)
    .addColumn('signed_at', 'bigint')
    .addColumn('slsa_level', 'integer')
    .addColumn('builder', text)
    .addColumn('code', text)
    .addColumn('codes', text, (column) => column.notNull())
    .addColumn('detail', text)
    .addColumn('policy', text, (column) => column.notNull())
    .addColumn('mode', text, (column) => column.notNull())
    .addColumn('verdict', text, (column) => column.notNull())
    .addColumn('decision', text, (column) => column.notNull())
    .addColumn('namespace', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('username', text, (column) => column.notNull())
    .addColumn('operation', text, (column) => column.notNull())
    .addColumn('snapshot', 'bigint')
    .addColumn('replica', text, (column) => column.notNull())
    .addColumn('latency', 'double precision', (column) => column.notNull())
    .execute();
  await createIndex(db, 'verifications', []);
  for (const column of SEARCHED) await createIndex(db, 'verifications', [column]);
}

async function createCounts(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  const text = textOf(kind);
  await db.schema
    .createTable('verification_counts')
    .addColumn('bucket', 'bigint', (column) => column.notNull())
    .addColumn('verdict', text, (column) => column.notNull())
    .addColumn('mode', text, (column) => column.notNull())
    .addColumn('decision', text, (column) => column.notNull())
    .addColumn('code', text, (column) => column.notNull())
    .addColumn('slsa_level', 'integer', (column) => column.notNull())
    .addColumn('verifications', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('verification_counts_key', [
      'bucket',
      'verdict',
      'mode',
      'decision',
      'code',
      'slsa_level',
    ])
    .execute();
}

async function createAudit(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  const text = textOf(kind);
  await tableWithId(db, kind, 'audit')
    .addColumn('time', 'bigint', (column) => column.notNull())
    .addColumn('actor', text, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('namespace', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('before_value', text)
    .addColumn('after_value', text)
    .addColumn('replica', text, (column) => column.notNull())
    .execute();
  await createIndex(db, 'audit', []);
  for (const column of ['actor', 'name'] as const) await createIndex(db, 'audit', [column]);
}

async function createIndex(db: Kysely<unknown>, table: string, leading: readonly string[]): Promise<void> {
  await db.schema
    .createIndex([table, ...leading, 'time'].join('_'))
    .on(table)
    .columns([...leading, 'time', 'id'])
    .execute();
}
