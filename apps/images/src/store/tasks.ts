import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { isUniqueViolation, type Database } from '@hallmark/postgres';
import { notReady } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import type { InjectionDecision } from '../domain/injection.ts';
import type { Task, TaskInput, TaskQuery } from '../domain/task.ts';
import type { ImagesTransaction } from './image-records.ts';
import type { StoredInjection, TaskRow, Tables } from './tables.ts';

export interface NewTask {
  readonly imageId: string;
  readonly caller: Caller;
  readonly requestId: string;
  readonly input: TaskInput;
  /** Where web-download takes the data. May hold a password, which `input` must not. */
  readonly sourceUri: string | undefined;
  readonly injection: InjectionDecision | undefined;
}

/** Tasks as they are read. Those that have expired are not shown. */
export class TaskRecords {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  async find(id: string): Promise<Task | undefined> {
    const row = await this.#shown().where('id', '=', id).executeTakeFirst();
    return row && taskFromRow(row);
  }

  /** Oldest first. Of one project, or of all. */
  async ofImage(imageId: string, owner: string | undefined): Promise<Task[]> {
    const rows = await this.#shown()
      .where('image_id', '=', imageId)
      .$if(owner !== undefined, (query) => query.where('owner', '=', owner ?? ''))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .execute();
    return rows.map(taskFromRow);
  }

  /** A page, behind the task `after`. */
  async list(query: TaskQuery, after: Task | undefined): Promise<Task[]> {
    if (query.legacyOnly) return [];
    const key = SORTED[query.sortKey];
    const direction = query.descending ? sql`DESC` : sql`ASC`;
    const behind = sql.raw(query.descending ? '<' : '>');
    const rows = await this.#shown()
      .$if(query.status !== undefined, (tasks) => tasks.where('status', '=', query.status ?? 'pending'))
      .$if(query.owner !== undefined, (tasks) => tasks.where('owner', '=', query.owner ?? ''))
      .$if(after !== undefined, (tasks) =>
        tasks.where(
          sql<boolean>`(${key}, id) ${behind} (SELECT ${key}, id FROM tasks WHERE id = ${after?.id ?? null})`,
        ),
      )
      .orderBy(sql`${key} ${direction}, id ${direction}`)
      .limit(query.limit)
      .execute();
    return rows.map(taskFromRow);
  }

  /** Asks an open task to stop. One that has ended stays as it is. */
  async requestCancel(id: string): Promise<Task | undefined> {
    const row = await this.#db.kysely
      .updateTable('tasks')
      .set({ cancel_requested: true, updated_at: sql<Date>`now()` })
      .where('id', '=', id)
      .where('status', 'in', ['pending', 'processing'])
      .returningAll()
      .executeTakeFirst();
    return row ? taskFromRow(row) : await this.find(id);
  }

  #shown() {
    return this.#db.kysely
      .selectFrom('tasks')
      .selectAll()
      .where((task) => task.or([task('expires_at', 'is', null), task('expires_at', '>', sql<Date>`now()`)]));
  }
}

const SORTED = {
  id: sql`id`,
  type: sql`'api_image_import'::text`,
  status: sql`status`,
  owner: sql`coalesce(owner, '')`,
  created_at: sql`created_at`,
  updated_at: sql`updated_at`,
  expires_at: sql`coalesce(expires_at, '-infinity')`,
} as const;

/**
 * Writes a task, which locks its image for other imports.
 *
 * @throws HallmarkError `IMAGE_BUSY`
 */
export async function insertTask(tx: ImagesTransaction, task: NewTask): Promise<Task> {
  const { caller, injection } = task;
  try {
    const row = await tx
      .insertInto('tasks')
      .values({
        id: randomUUID(),
        image_id: task.imageId,
        status: 'pending',
        owner: caller.projectId || null,
        user_id: caller.userId,
        request_id: task.requestId,
        input: JSON.stringify(task.input),
        caller: JSON.stringify(caller),
        source_uri: task.sourceUri ?? null,
        injection: injection === undefined ? null : JSON.stringify(injection),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return taskFromRow(row);
  } catch (cause) {
    if (isUniqueViolation(cause, 'tasks_one_open'))
      throw notReady('IMAGE_BUSY', 'Image has active task', { cause });
    throw cause;
  }
}

/** The task that works on an image now. */
export async function openTaskOf(db: Kysely<Tables>, imageId: string): Promise<Task | undefined> {
  const row = await db
    .selectFrom('tasks')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('status', 'in', ['pending', 'processing'])
    .executeTakeFirst();
  return row && taskFromRow(row);
}

export function taskFromRow(row: TaskRow): Task {
  return {
    id: row.id,
    type: 'api_image_import',
    status: row.status,
    owner: row.owner,
    imageId: row.image_id,
    userId: row.user_id,
    requestId: row.request_id,
    input: row.input,
    message: row.message,
    reason: row.reason,
    bytesDone: Number(row.bytes_done),
    bytesTotal: row.bytes_total === null ? undefined : Number(row.bytes_total),
    injection: row.injection === null ? undefined : injectionFromStored(row.injection),
    cancelRequested: row.cancel_requested,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    expiresAt: row.expires_at ?? undefined,
  };
}

const injectionFromStored = (stored: StoredInjection): InjectionDecision => ({
  ...stored,
  decidedAt: new Date(stored.decidedAt),
});
