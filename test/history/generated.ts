import { sql, type Kysely } from 'kysely';
import type { DatabaseKind } from '../../src/history/database.ts';
import type { Tables } from '../../src/history/tables.ts';

/** Time of the first generated row, and the milliseconds between two. */
export const FIRST_TIME = 1_700_000_000_000;
export const STEP = 100;

/** One of these in so many rows, among values that thousands share. */
export const RARE_EVERY = 50_021;

const COLUMNS =
  'time, uid, image, digest, is_private, signature_found, signature_valid, signer_entry, signer, issuer, signed_at, ' +
  'slsa_level, builder, code, codes, detail, policy, mode, verdict, decision, namespace, kind, name, username, operation, ' +
  'snapshot, replica, latency';

/** Values of row `n`, in the SQL that both databases speak. */
const VALUES = `
  ${FIRST_TIME} + n * ${STEP}, 'c2f8-' || n,
  case when n % ${RARE_EVERY} = 0 then 'rare.example/team/server:v1'
    else 'ghcr.io/org-' || (n % 50) || '/server-' || (n % 5000) || ':v' || (n % 7) end,
  'sha256:' || (1000000000000 + n % 20000) || '000000000000000000000000000000000000000000000000000',
  0, 1, case when n % 10 < 8 then 1 else 0 end, 'ci-' || (n % 40),
  case when n % 10 < 8 then 'https://token.actions.githubusercontent.com https://github.com/org/app-' || (n % 40) ||
    '/.github/workflows/release.yml@refs/heads/main' end,
  case when n % 10 < 8 then 'https://token.actions.githubusercontent.com' end,
  case when n % 10 < 8 then ${FIRST_TIME} + n end, n % 4, 'https://github.com/actions/runner/github-hosted',
  case when n % 10 = 8 then 'SIGNATURE_MISSING' when n % 10 = 9 then 'REGISTRY_UNREACHABLE' end,
  case when n % 10 = 8 then 'SIGNATURE_MISSING' when n % 10 = 9 then 'REGISTRY_UNREACHABLE' else '' end,
  case when n % 10 >= 8 then 'nothing was found that says that this is the image of its owner' end,
  'ClusterSigningPolicy/policy-' || (n % 20), 'Enforce',
  case when n % 10 < 8 then 'verified' when n % 10 = 8 then 'violated' else 'faulted' end,
  case when n % 10 < 8 then 'admitted' else 'denied' end,
  case when n % ${RARE_EVERY} = 1 then 'rare-team' else 'team-' || (n % 200) end,
  'Pod', 'server-' || (n % 5000), 'system:serviceaccount:team:deployer', 'CREATE', 7, 'countersign-7d9c-abcde', 1.5`;

/** Rows of one statement: each has to end in the time of a statement, also on a busy machine. */
const CHUNK = 10_000;

/** Adds rows 1 to `rows`, with the counts that the writer would have made. */
export async function generate(db: Kysely<Tables>, kind: DatabaseKind, rows: number): Promise<void> {
  for (let first = 1; first <= rows; first += CHUNK) {
    const last = Math.min(rows, first + CHUNK - 1);
    const numbers =
      kind === 'postgres'
        ? `select generate_series(${first}::bigint, ${last}::bigint) as n`
        : `with recursive s(n) as (select ${first} union all select n + 1 from s where n < ${last}) select n from s`;
    await sql
      .raw(`insert into verifications (${COLUMNS}) select ${VALUES} from (${numbers}) as numbers`)
      .execute(db);
  }
  await sql
    .raw(
      `insert into verification_counts (bucket, verdict, mode, decision, code, slsa_level, verifications)
       select time - time % 300000, verdict, mode, decision, coalesce(code, ''), slsa_level, count(*) from verifications
       group by 1, 2, 3, 4, 5, 6`,
    )
    .execute(db);
}
