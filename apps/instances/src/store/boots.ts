import { sql, type Transaction } from 'kysely';
import type { Database } from '@hallmark/postgres';
import { conflict } from '@hallmark/errors';
import type { InstanceRecord, InstanceView } from '../domain/instance-record.ts';
import { enqueueBuild } from './builds.ts';
import { findView } from './instance-records.ts';
import { rowFromNew, type NewInstance } from './instance-rows.ts';
import type { Tables } from './tables.ts';

/** What makes a repeat of a boot known as such. */
export interface Idempotency {
  readonly key: string;
  /** Digest of the request. */
  readonly fingerprint: Buffer;
}

export interface TakenBoot {
  readonly view: InstanceView;
  /** Whether it was there already, by this idempotency key. */
  readonly isRepeat: boolean;
}

/** For how long a repeat is known. */
const KEY_LIFE = sql<Date>`now() - interval '1 day'`;

/** Takes boots in: the record, its roles and the work of building in one transaction. */
export class Boots {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  /**
   * Of any number of boots with one id that come at once, one is taken in.
   *
   * @throws HallmarkError `INSTANCE_EXISTS`, `IDEMPOTENCY_KEY_REUSED`
   */
  async take(instance: NewInstance, idempotency: Idempotency | undefined): Promise<TakenBoot> {
    return await this.#db.transaction(async (tx) => {
      if (idempotency) {
        const takenId = await takeKey(tx, instance, idempotency);
        const taken = takenId === undefined ? undefined : await findView(tx, takenId, 'any');
        if (taken) return { view: taken, isRepeat: true };
      }
      const { numInsertedOrUpdatedRows: inserted } = await tx
        .insertInto('instances')
        .values(rowFromNew(instance))
        .onConflict((on) => on.column('id').doNothing())
        .executeTakeFirst();
      if (inserted === 0n) throw conflict('INSTANCE_EXISTS', `There is an instance ${instance.id} already.`);
      if (instance.status === 'BUILD') await enqueueBuild(tx, instance.id);
      const view = await findView(tx, instance.id);
      if (view === undefined) throw new Error('An instance that was just taken in is not there.');
      return { view, isRepeat: false };
    });
  }

  /** The numbers that EC2 has for an instance's image, kernel and ramdisk; made at the first sight of each. */
  async ec2Numbers(
    ids: Pick<InstanceRecord, 'imageId' | 'kernelId' | 'ramdiskId'>,
  ): Promise<NewInstance['ec2']> {
    const numberOf = await this.#imageNumbers(
      [ids.imageId, ids.kernelId, ids.ramdiskId].filter((id) => id !== undefined),
    );
    return { image: numberOf(ids.imageId), kernel: numberOf(ids.kernelId), ramdisk: numberOf(ids.ramdiskId) };
  }

  /** The number of an image. */
  async imageNumber(id: string): Promise<number> {
    const number = (await this.#imageNumbers([id]))(id);
    if (number === undefined) throw new Error('An image that was just given a number has none.');
    return number;
  }

  /** Outside the boot's transaction: boots of one image would wait for each other. */
  async #imageNumbers(ids: readonly string[]): Promise<(id: string | undefined) => number | undefined> {
    const numbers = new Map<string, number>();
    const look = async (): Promise<boolean> => {
      if (ids.length === 0) return true;
      const rows = await this.#db.kysely
        .selectFrom('ec2_images')
        .select(['image_id', 'number'])
        .where('image_id', 'in', ids)
        .execute();
      for (const row of rows) numbers.set(row.image_id, row.number);
      return ids.every((id) => numbers.has(id));
    };
    // Looked for first: an insert that finds its row there has used up a number.
    if (!(await look())) {
      const missing = [...new Set(ids)].filter((id) => !numbers.has(id)).sort();
      await this.#db.kysely
        .insertInto('ec2_images')
        .values(missing.map((image_id) => ({ image_id })))
        .onConflict((on) => on.doNothing())
        .execute();
      await look();
    }
    return (id) => (id === undefined ? undefined : numbers.get(id));
  }
}

/** The instance for which the key was taken before, or undefined when it is now taken for this one. */
async function takeKey(
  tx: Transaction<Tables>,
  { id, projectId }: NewInstance,
  { key, fingerprint }: Idempotency,
): Promise<string | undefined> {
  await tx
    .deleteFrom('idempotency_keys')
    .where('project_id', '=', projectId)
    .where('key', '=', key)
    .where('created_at', '<', KEY_LIFE)
    .execute();
  // Waits for whoever is taking the same key now.
  const { numInsertedOrUpdatedRows: inserted } = await tx
    .insertInto('idempotency_keys')
    .values({ project_id: projectId, key, fingerprint, instance_id: id })
    .onConflict((on) => on.columns(['project_id', 'key']).doNothing())
    .executeTakeFirst();
  if (inserted !== 0n) return undefined;
  const taken = await tx
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'instance_id'])
    .where('project_id', '=', projectId)
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  if (!taken.fingerprint.equals(fingerprint)) {
    throw conflict('IDEMPOTENCY_KEY_REUSED', 'This idempotency key has been used with another request.');
  }
  return taken.instance_id;
}
