import { randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { Database } from '@hallmark/postgres';
import type { ConfigDriveSummary, Fault } from '../domain/instance-record.ts';
import { announceBuild, announceChange } from './changes.ts';
import type { Tables } from './tables.ts';

/** A build that somebody does. */
export interface ClaimedBuild {
  readonly instanceId: string;
  /** How often it has been begun, this time included. */
  readonly attempt: number;
  /** Unique for this claim: who has lost a build by its lease can't end it any more. */
  readonly owner: string;
}

/** A drive and everything on it. */
export interface FinishedDrive extends ConfigDriveSummary {
  readonly frozen: Buffer;
}

/** Writes the work of building down; it is taken up after the commit. */
export async function enqueueBuild(tx: Transaction<Tables>, instanceId: string): Promise<void> {
  await tx.insertInto('builds').values({ instance_id: instanceId }).execute();
  await announceBuild(tx);
}

/** Config drives to be built, which any replica takes up, one at a time each. */
export class Builds {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  /** The build that has waited longest, for whoever asks alone; undefined when none waits. */
  async claim(leaseSeconds: number): Promise<ClaimedBuild | undefined> {
    const owner = randomUUID();
    const row = await this.#db.kysely
      .updateTable('builds')
      .set((eb) => ({
        owner,
        attempt: eb('attempt', '+', 1),
        lease_until: leaseFor(leaseSeconds),
      }))
      .where('instance_id', '=', (eb) =>
        eb
          .selectFrom('builds')
          .select('instance_id')
          .where('lease_until', '<', sql<Date>`now()`)
          .orderBy('created_at')
          .limit(1)
          .forUpdate()
          .skipLocked(),
      )
      .returning(['instance_id', 'attempt'])
      .executeTakeFirst();
    return row && { instanceId: row.instance_id, attempt: row.attempt, owner };
  }

  /** False: it belongs to somebody else by now, or the instance is gone. */
  async renew({ instanceId, owner }: ClaimedBuild, leaseSeconds: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db.kysely
      .updateTable('builds')
      .set({ lease_until: leaseFor(leaseSeconds) })
      .where('instance_id', '=', instanceId)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Gives a build back at once, for whoever is next, as at the end of a process. */
  async release({ instanceId, owner }: ClaimedBuild): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('builds')
        .set((eb) => ({ owner: null, attempt: eb('attempt', '-', 1), lease_until: sql`'-infinity'` }))
        .where('instance_id', '=', instanceId)
        .where('owner', '=', owner)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await announceBuild(tx);
    });
  }

  /** The drive is there, and the instance ACTIVE. False: the build was no longer the caller's, and nothing is done. */
  async finish(build: ClaimedBuild, drive: FinishedDrive): Promise<boolean> {
    return await this.#end(build, async (tx) => {
      const { format, size, sha256, frozen } = drive;
      await tx
        .insertInto('config_drives')
        .values({
          instance_id: build.instanceId,
          format,
          size,
          sha256,
          frozen,
          short_lived_targets: drive.shortLivedTargets,
        })
        .execute();
      await setStatus(tx, build.instanceId, 'ACTIVE', undefined);
    });
  }

  /** The instance is in ERROR. False: the build was no longer the caller's, and nothing is done. */
  async fail(build: ClaimedBuild, fault: Pick<Fault, 'reason' | 'message'>): Promise<boolean> {
    return await this.#end(build, (tx) => setStatus(tx, build.instanceId, 'ERROR', fault));
  }

  async #end(
    { instanceId, owner }: ClaimedBuild,
    work: (tx: Transaction<Tables>) => Promise<void>,
  ): Promise<boolean> {
    return await this.#db.transaction(async (tx) => {
      // Whoever changes an instance takes its row first, so that they take turns without a deadlock.
      await tx.selectFrom('instances').select('id').where('id', '=', instanceId).forUpdate().execute();
      const { numDeletedRows } = await tx
        .deleteFrom('builds')
        .where('instance_id', '=', instanceId)
        .where('owner', '=', owner)
        .executeTakeFirst();
      if (numDeletedRows === 0n) return false;
      await work(tx);
      await announceChange(tx, instanceId);
      return true;
    });
  }
}

const leaseFor = (seconds: number) => sql<Date>`now() + ${seconds} * interval '1 second'`;

async function setStatus(
  tx: Transaction<Tables>,
  id: string,
  status: 'ACTIVE' | 'ERROR',
  fault: Pick<Fault, 'reason' | 'message'> | undefined,
): Promise<void> {
  await tx
    .updateTable('instances')
    .set({
      status,
      fault_reason: fault?.reason ?? null,
      fault_message: fault?.message ?? null,
      fault_at: fault ? sql<Date>`now()` : null,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('status', '=', 'BUILD')
    .execute();
}
