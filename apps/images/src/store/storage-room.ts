import { sql, type Kysely } from 'kysely';
import { requireStorageQuota } from '../domain/quota.ts';
import type { Tables } from './tables.ts';
import { storageUsed } from './usage.ts';

/**
 * Counts a project's bytes and makes sure that so many more fit, until the end of the transaction: two
 * that fill the same room wait for each other.
 *
 * @throws HallmarkError `STORAGE_QUOTA`
 */
export async function requireRoom(
  tx: Kysely<Tables>,
  owner: string | null,
  bytes: number,
  projectStorage: number,
): Promise<void> {
  if (projectStorage === 0) return;
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`images storage ${owner ?? ''}`}, 0))`.execute(
    tx,
  );
  requireStorageQuota(bytes, await storageUsed(tx, owner), projectStorage);
}
