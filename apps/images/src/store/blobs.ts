import { randomUUID } from 'node:crypto';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { unavailable } from '@hallmark/errors';
import type { Tables } from './tables.ts';

/** Data in a store that belongs to no image: not yet, or not any more. */
export interface Blob {
  readonly id: string;
  readonly storeId: string;
  readonly url: string;
  /** Of this claim: who has lost it can't do anything with it any more. */
  readonly holder: string;
}

type Executor = Kysely<Tables>;

const inSeconds = (seconds: number): RawBuilder<Date> => sql<Date>`now() + ${seconds} * interval '1 second'`;

/** Written down before the first byte is, so that whatever becomes of the writer, the data is found. */
export async function announceBlob(
  db: Executor,
  storeId: string,
  url: string,
  leaseSeconds: number,
): Promise<Blob> {
  const holder = randomUUID();
  const { id } = await db
    .insertInto('removals')
    .values({ store_id: storeId, url, holder, due_at: inSeconds(leaseSeconds) })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id, storeId, url, holder };
}

/** Puts off its removal. False: it is being removed already. */
export async function keepBlob(
  db: Executor,
  { id, holder }: Pick<Blob, 'id' | 'holder'>,
  leaseSeconds: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('removals')
    .set({ due_at: inSeconds(leaseSeconds) })
    .where('id', '=', id)
    .where('holder', '=', holder)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** It belongs to an image from now on. In the transaction that says so. */
export async function adoptBlob(tx: Executor, { id, holder }: Blob): Promise<void> {
  const { numDeletedRows } = await tx
    .deleteFrom('removals')
    .where('id', '=', id)
    .where('holder', '=', holder)
    .executeTakeFirst();
  if (numDeletedRows === 0n)
    throw unavailable('STORE_UNAVAILABLE', 'The data took too long and was removed again.');
}

/** Nobody wants it; whoever cleans up next removes it. */
export async function abandonBlob(db: Executor, blob: Pick<Blob, 'id' | 'holder'>): Promise<void> {
  await keepBlob(db, blob, 0);
}

/** Data that an image had. */
export async function discardData(tx: Executor, storeId: string, url: string): Promise<void> {
  await tx.insertInto('removals').values({ store_id: storeId, url }).execute();
}

/** Removals that are due, for whoever asks alone, until `leaseSeconds` have passed. */
export async function claimRemovals(db: Executor, limit: number, leaseSeconds: number): Promise<Blob[]> {
  const holder = randomUUID();
  const rows = await db
    .updateTable('removals')
    .set({ holder, due_at: inSeconds(leaseSeconds) })
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('removals')
        .select('id')
        .where('due_at', '<=', sql<Date>`now()`)
        .orderBy('due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returning(['id', 'store_id', 'url'])
    .execute();
  return rows.map(({ id, store_id: storeId, url }) => ({ id, storeId, url, holder }));
}

/** It is gone from its store. */
export async function forgetBlob(db: Executor, { id, holder }: Pick<Blob, 'id' | 'holder'>): Promise<void> {
  await db.deleteFrom('removals').where('id', '=', id).where('holder', '=', holder).execute();
}
