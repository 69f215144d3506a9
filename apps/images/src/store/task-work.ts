import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import type { Database } from '@hallmark/postgres';
import type { Caller } from '../domain/caller.ts';
import type { Task } from '../domain/task.ts';
import type { Tables } from './tables.ts';
import { taskFromRow } from './tasks.ts';

/** A task that somebody does. */
export interface ClaimedTask extends Task {
  readonly caller: Caller;
  /** Where web-download takes the data. */
  readonly sourceUri: string | undefined;
  /** How often it has been begun, this time included. */
  readonly attempt: number;
  /** Unique for this claim: who has lost a task by its lease can't end it any more. */
  readonly claim: string;
}

export type Hold = 'ours' | 'cancelled' | 'lost';
/** The image may have gone, which only whoever locks it finds out otherwise. */
export type Renewal = Hold | 'vanished';

/** Workers listen here for tasks to do and to stop. The payload is the task's id. */
export const TASKS_CHANNEL = 'images_tasks';

const leaseFor = (seconds: number) => sql<Date>`now() + ${seconds} * interval '1 second'`;

/** Tasks to be done, which any replica takes up, one at a time each. */
export class TaskWork {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  /** The task that has waited longest, for whoever asks alone; undefined when none waits. */
  async claim(leaseSeconds: number): Promise<ClaimedTask | undefined> {
    const claim = randomUUID();
    const row = await this.#db.kysely
      .updateTable('tasks')
      .set((eb) => ({
        status: 'processing' as const,
        lease_owner: claim,
        attempt: eb('attempt', '+', 1),
        lease_until: leaseFor(leaseSeconds),
        updated_at: sql<Date>`now()`,
      }))
      .where('id', '=', (eb) =>
        eb
          .selectFrom('tasks')
          .select('id')
          .where('status', 'in', ['pending', 'processing'])
          .where('lease_until', '<', sql<Date>`now()`)
          .orderBy('created_at')
          .limit(1)
          .forUpdate()
          .skipLocked(),
      )
      .returningAll()
      .executeTakeFirst();
    if (!row) return undefined;
    const { caller, attempt, source_uri: sourceUri } = row;
    return { ...taskFromRow(row), caller, attempt, claim, sourceUri: sourceUri ?? undefined };
  }

  /** A sign of life, and a look at whether the work is still wanted. */
  async renew({ id, claim }: ClaimedTask, leaseSeconds: number): Promise<Renewal> {
    const row = await this.#db.kysely
      .updateTable('tasks')
      .set({ lease_until: leaseFor(leaseSeconds) })
      .where('id', '=', id)
      .where('lease_owner', '=', claim)
      .where('status', '=', 'processing')
      .returning((eb) => [
        'cancel_requested',
        eb
          .exists(
            eb
              .selectFrom('images')
              .select('images.id')
              .whereRef('images.id', '=', 'tasks.image_id')
              .where('deleted_at', 'is', null),
          )
          .as('has_image'),
      ])
      .executeTakeFirst();
    if (!row) return 'lost';
    if (row.has_image === false) return 'vanished';
    return row.cancel_requested ? 'cancelled' : 'ours';
  }

  /** Gives a task back at once, for whoever is next, as at the end of a process. */
  async release({ id, claim }: ClaimedTask): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('tasks')
        .set((eb) => ({ lease_owner: null, attempt: eb('attempt', '-', 1), lease_until: sql`'-infinity'` }))
        .where('id', '=', id)
        .where('lease_owner', '=', claim)
        .where('status', '=', 'processing')
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await announceTask(tx, id);
    });
  }

  async progress(
    { id, claim }: ClaimedTask,
    { done, total, message }: { done: number; total: number | undefined; message: string },
  ): Promise<void> {
    await this.#db.kysely
      .updateTable('tasks')
      .set({ bytes_done: done, bytes_total: total ?? null, message, updated_at: sql<Date>`now()` })
      .where('id', '=', id)
      .where('lease_owner', '=', claim)
      .where('status', '=', 'processing')
      .execute();
  }
}

export async function announceTask(db: Kysely<Tables>, id: string): Promise<void> {
  await sql`SELECT pg_notify(${TASKS_CHANNEL}, ${id})`.execute(db);
}

/**
 * Locks a task until the end of the transaction. Its image is locked before it, if at all: whoever
 * takes both takes them in this order.
 */
export async function holdTask(tx: Kysely<Tables>, { id, claim }: ClaimedTask): Promise<Hold> {
  const row = await tx
    .selectFrom('tasks')
    .select(['cancel_requested'])
    .where('id', '=', id)
    .where('lease_owner', '=', claim)
    .where('status', '=', 'processing')
    .forUpdate()
    .executeTakeFirst();
  if (!row) return 'lost';
  return row.cancel_requested ? 'cancelled' : 'ours';
}

export interface TaskEnd {
  readonly status: 'success' | 'failure';
  readonly message: string;
  readonly reason: string;
  readonly ttlHours: number;
}

/** In the transaction that has hold of the task. What was secret in it is forgotten. */
export async function endTask(
  tx: Kysely<Tables>,
  id: string,
  { status, message, reason, ttlHours }: TaskEnd,
): Promise<void> {
  await tx
    .updateTable('tasks')
    .set({
      status,
      message,
      reason,
      source_uri: null,
      lease_owner: null,
      expires_at: sql<Date>`now() + ${ttlHours} * interval '1 hour'`,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .execute();
}

/** Tasks that nobody is shown any more are kept for those who look into the database, and then go. */
export async function forgetTasks(db: Kysely<Tables>, keptDays: number, limit: number): Promise<void> {
  await db
    .deleteFrom('tasks')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('tasks')
        .select('id')
        .where('expires_at', '<', sql<Date>`now() - ${keptDays} * interval '1 day'`)
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .execute();
}
