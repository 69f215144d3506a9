import { sql, type QueryExecutorProvider } from 'kysely';

/** Bytes that the images of a project have in stores, each copy counted. */
export async function storageUsed(db: QueryExecutorProvider, owner: string | null): Promise<number> {
  const { rows } = await sql<{ used: string | null }>`
    SELECT sum(i.size) AS used FROM images i JOIN locations l ON l.image_id = i.id
    WHERE i.owner IS NOT DISTINCT FROM ${owner} AND i.deleted_at IS NULL
  `.execute(db);
  return Number(rows[0]?.used ?? 0);
}
