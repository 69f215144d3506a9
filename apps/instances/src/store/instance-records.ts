import { sql, type Transaction } from 'kysely';
import type { Database } from '@hallmark/postgres';
import { conflict, invalid, notFound, notReady } from '@hallmark/errors';
import type { RebuildDescription } from '../domain/boot.ts';
import type { InstanceRecord, InstanceView, MetadataItem } from '../domain/instance-record.ts';
import { canMove, type InstanceStatus } from '../domain/status.ts';
import { enqueueBuild } from './builds.ts';
import { announceChange } from './changes.ts';
import { COLUMNS, DRIVE_COLUMNS, driveFromRow, recordFromRow, VIEW_COLUMNS } from './instance-rows.ts';
import type { Tables } from './tables.ts';

/** Which instance, for whom. Undefined project: whoever's. */
export interface InstanceKey {
  readonly id: string;
  readonly projectId: string | undefined;
}

export interface PageRequest {
  readonly projectId: string | undefined;
  readonly status: InstanceStatus | undefined;
  /** The last instance of the page before. */
  readonly marker: string | undefined;
  readonly limit: number;
}

/** A page that is followed by another may be shorter than asked for: it has to fit into one message. */
export interface Page {
  readonly views: readonly InstanceView[];
  readonly more: boolean;
}

/** Rows are fetched so many at a time, so that a page of large ones is cut before all are in memory. */
const ROWS_PER_FETCH = 100;
/** A quarter of the largest gRPC message; what stands beside the contents is less than the rest. */
const PAGE_BYTES = 16 * 1024 * 1024;

const NOW = sql<Date>`now()`;

/** The records of booted instances. Every method fails with `DATABASE_UNAVAILABLE` when PostgreSQL does not answer. */
export class InstanceRecords {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  /** Undefined: there is none, or it is deleted. One row by its key. */
  async find(id: string): Promise<InstanceRecord | undefined> {
    const row = await this.#db.kysely
      .selectFrom('instances')
      .select(COLUMNS)
      .where('instances.id', '=', id)
      .where('status', '<>', 'DELETED')
      .executeTakeFirst();
    return row && recordFromRow(row);
  }

  /** @throws HallmarkError `INSTANCE_UNKNOWN` */
  async getView({ id, projectId }: InstanceKey): Promise<InstanceView> {
    const view = await findView(this.#db.kysely, id);
    if (view === undefined || !isFor(view.record, projectId)) throw unknown(id);
    return view;
  }

  /** @throws HallmarkError `MARKER_UNKNOWN` */
  async list({ limit, marker, ...which }: PageRequest): Promise<Page> {
    let after = marker === undefined ? undefined : await this.#positionOf(marker, which.projectId);
    const views: InstanceView[] = [];
    let bytes = 0;
    for (;;) {
      // One more than the page holds tells whether there is another page.
      const wanted = Math.min(limit + 1 - views.length, ROWS_PER_FETCH);
      const fetched = await this.#fetch(which, after, wanted);
      for (const view of fetched) {
        bytes += sizeOf(view.record);
        if (views.length === limit || (bytes > PAGE_BYTES && views.length > 0)) return { views, more: true };
        views.push(view);
      }
      const last = fetched.at(-1);
      if (last === undefined || fetched.length < wanted) return { views, more: false };
      after = last.record;
    }
  }

  /** @throws HallmarkError `INSTANCE_UNKNOWN` */
  async setMetadata(key: InstanceKey, metadata: readonly MetadataItem[]): Promise<InstanceView> {
    return await this.#change(key, async (tx) => {
      await tx
        .updateTable('instances')
        .set({ metadata: JSON.stringify(metadata), updated_at: NOW })
        .where('id', '=', key.id)
        .execute();
    });
  }

  /**
   * The image of before, its kernel and ramdisk, its drive and the password that its guest posted are gone:
   * the new guest makes its own.
   *
   * @throws HallmarkError `INSTANCE_UNKNOWN`, `INSTANCE_BUSY`
   */
  async rebuild(key: InstanceKey, rebuild: RebuildDescription, ec2Image: number): Promise<InstanceView> {
    return await this.#change(key, async (tx, record) => {
      const status = record.configDriveWanted ? 'BUILD' : 'ACTIVE';
      if (!canMove(record.status, status)) throw busy(key.id);
      await tx
        .updateTable('instances')
        .set({
          image_id: rebuild.imageId,
          ec2_image: ec2Image,
          kernel_id: null,
          ec2_kernel: null,
          ramdisk_id: null,
          ec2_ramdisk: null,
          ...(rebuild.userData !== undefined && { user_data: rebuild.userData }),
          ...(rebuild.metadata && { metadata: JSON.stringify(rebuild.metadata) }),
          ...(rebuild.keypair && { keypair: JSON.stringify(rebuild.keypair) }),
          password: null,
          status,
          fault_reason: null,
          fault_message: null,
          fault_at: null,
          updated_at: NOW,
        })
        .where('id', '=', key.id)
        .execute();
      await tx.deleteFrom('config_drives').where('instance_id', '=', key.id).execute();
      if (status === 'BUILD') await enqueueBuild(tx, key.id);
    });
  }

  /**
   * Its secrets go now, the rest of the record later, so that its id is not given again.
   *
   * @throws HallmarkError `INSTANCE_UNKNOWN`; a deleted one is known here
   */
  async delete({ id, projectId }: InstanceKey): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const record = await lock(tx, id);
      if (record === undefined || !isFor(record, projectId)) throw unknown(id);
      if (record.status === 'DELETED') return;
      await tx
        .updateTable('instances')
        .set({
          status: 'DELETED',
          deleted_at: NOW,
          updated_at: NOW,
          user_data: null,
          admin_pass: null,
          password: null,
          personality_paths: [],
          personality_contents: [],
          fault_reason: null,
          fault_message: null,
          fault_at: null,
        })
        .where('id', '=', id)
        .execute();
      await tx.deleteFrom('builds').where('instance_id', '=', id).execute();
      await tx.deleteFrom('config_drives').where('instance_id', '=', id).execute();
      await announceChange(tx, id);
    });
  }

  /**
   * Stores the password if there is none yet: of any number that come at once, one is stored.
   *
   * @throws HallmarkError `INSTANCE_UNKNOWN`, `PASSWORD_SET`
   */
  async setPassword(id: string, password: Buffer): Promise<void> {
    const isStored = await this.#db.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('instances')
        .set({ password, updated_at: NOW })
        .where('id', '=', id)
        .where('password', 'is', null)
        .where('status', '<>', 'DELETED')
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await announceChange(tx, id);
      return numUpdatedRows > 0n;
    });
    if (!isStored) await this.requireNoPassword(id);
  }

  /** @throws HallmarkError `INSTANCE_UNKNOWN`, `PASSWORD_SET` */
  async requireNoPassword(id: string): Promise<void> {
    const record = await this.find(id);
    if (record === undefined) throw unknown(id);
    if (record.password !== undefined)
      throw conflict('PASSWORD_SET', `Instance ${id} has a password already.`);
  }

  /** One transaction: the instance's row is taken first, and told of last. */
  async #change(
    { id, projectId }: InstanceKey,
    work: (tx: Transaction<Tables>, record: InstanceRecord) => Promise<void>,
  ): Promise<InstanceView> {
    return await this.#db.transaction(async (tx) => {
      const record = await lock(tx, id);
      if (record === undefined || record.status === 'DELETED' || !isFor(record, projectId)) throw unknown(id);
      await work(tx, record);
      const view = await findView(tx, id);
      if (view === undefined) throw unknown(id);
      await announceChange(tx, id);
      return view;
    });
  }

  /** Also of a deleted instance: a page may have ended with it. */
  async #positionOf(marker: string, projectId: string | undefined): Promise<Position> {
    const row = await this.#db.kysely
      .selectFrom('instances')
      .select(['id', 'project_id', 'created_at'])
      .where('id', '=', marker)
      .executeTakeFirst();
    if (row === undefined || (projectId !== undefined && row.project_id !== projectId)) {
      throw invalid('MARKER_UNKNOWN', `There is no instance ${marker} after which a page could begin.`);
    }
    return { id: row.id, createdAt: row.created_at };
  }

  async #fetch(
    { projectId, status }: Pick<PageRequest, 'projectId' | 'status'>,
    after: Position | undefined,
    limit: number,
  ): Promise<InstanceView[]> {
    let query = this.#db.kysely
      .selectFrom('instances')
      .leftJoin('config_drives', 'config_drives.instance_id', 'instances.id')
      .select(VIEW_COLUMNS)
      .select(DRIVE_COLUMNS)
      // Literally, so that the partial indexes are seen to hold all that is asked for.
      .where(sql<boolean>`status <> 'DELETED'`)
      .orderBy('instances.created_at', 'desc')
      .orderBy('instances.id', 'desc')
      .limit(limit);
    if (status !== undefined) query = query.where(sql<boolean>`status = ${sql.lit(status)}`);
    if (projectId !== undefined) query = query.where('project_id', '=', projectId);
    if (after !== undefined) {
      query = query.where(
        sql<boolean>`(instances.created_at, instances.id) < (${after.createdAt}, ${after.id})`,
      );
    }
    const rows = await query.execute();
    return rows.map((row) => ({ record: recordFromRow(row), configDrive: driveFromRow(row) }));
  }
}

type Position = Pick<InstanceRecord, 'id' | 'createdAt'>;

/** The same answer for none, a deleted one and another project's, so that ids can't be probed. */
const unknown = (id: string): Error => notFound('INSTANCE_UNKNOWN', `There is no instance ${id}.`);

const busy = (id: string): Error => notReady('INSTANCE_BUSY', `Instance ${id} is being built.`);

const isFor = (record: InstanceRecord, projectId: string | undefined): boolean =>
  projectId === undefined || record.projectId === projectId;

async function lock(tx: Transaction<Tables>, id: string): Promise<InstanceRecord | undefined> {
  const row = await tx
    .selectFrom('instances')
    .select(COLUMNS)
    .where('instances.id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && recordFromRow(row);
}

/** Also of a deleted one for which a repeated boot asks. */
export async function findView(
  db: Database<Tables>['kysely'],
  id: string,
  which: 'living' | 'any' = 'living',
): Promise<InstanceView | undefined> {
  let query = db
    .selectFrom('instances')
    .leftJoin('config_drives', 'config_drives.instance_id', 'instances.id')
    .select(VIEW_COLUMNS)
    .select(DRIVE_COLUMNS)
    .where('instances.id', '=', id);
  if (which === 'living') query = query.where('status', '<>', 'DELETED');
  const row = await query.executeTakeFirst();
  return row && { record: recordFromRow(row), configDrive: driveFromRow(row) };
}

/** About what an instance takes in a message. */
function sizeOf({ networkData, devices, metadata, keypair, bootRoles }: InstanceRecord): number {
  return (
    networkData.length +
    devices.length +
    (keypair?.publicKey.length ?? 0) +
    3 * metadata.reduce((sum, { key, value }) => sum + key.length + value.length, 0) +
    3 * bootRoles.reduce((sum, role) => sum + role.length, 0)
  );
}
