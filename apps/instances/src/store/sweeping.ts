import { sql } from 'kysely';
import type { Database } from '@hallmark/postgres';
import type { Tables } from './tables.ts';

/** Few enough that a sweep keeps nobody waiting. */
const ROWS_PER_SWEEP = 1_000;

/** Removes what nobody asks for any more. Any number of replicas may do so at once. Gives how many rows went. */
export async function sweep(db: Database<Tables>, deletedRetentionSeconds: number): Promise<number> {
  const instances = await db.kysely
    .deleteFrom('instances')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('instances')
        .select('id')
        .where(sql<boolean>`status = 'DELETED'`)
        .where('deleted_at', '<=', sql<Date>`now() - ${deletedRetentionSeconds} * interval '1 second'`)
        .orderBy('deleted_at')
        .limit(ROWS_PER_SWEEP)
        .forUpdate()
        .skipLocked(),
    )
    .executeTakeFirst();
  const keys = await db.kysely
    .deleteFrom('idempotency_keys')
    .where('created_at', '<', sql<Date>`now() - interval '1 day'`)
    .executeTakeFirst();
  return Number(instances.numDeletedRows + keys.numDeletedRows);
}
