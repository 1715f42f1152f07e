import { sql, type RawBuilder } from 'kysely';

/** When an entry of a policy last verified an image; null = never, as far as is kept. */
export interface LastUse {
  readonly entry: string;
  /** Milliseconds since the epoch. */
  readonly time: number | null;
}

/** One look at the end of an index for each entry, however many rows there are of it. @param entries at least one */
export function lastUses(entries: readonly string[]): RawBuilder<LastUse> {
  const rows = sql.join(entries.map((entry) => sql`(${entry})`));
  return sql<LastUse>`with entries(entry) as (values ${rows})
    select entry, (
      select time from verifications where signer_entry = entry order by time desc, id desc limit 1
    ) as time
    from entries`;
}
