import type { Database } from '@hallmark/postgres';
import type { ConfigDriveSummary } from '../domain/instance-record.ts';
import { DRIVE_COLUMNS, driveFromRow } from './instance-rows.ts';
import type { Tables } from './tables.ts';

/** Built config drives: all that is on them, from which their bytes are made anew each time. */
export class ConfigDrives {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  async find(instanceId: string): Promise<{ summary: ConfigDriveSummary; frozen: Buffer } | undefined> {
    const row = await this.#db.kysely
      .selectFrom('config_drives')
      .select([...DRIVE_COLUMNS, 'frozen'])
      .where('instance_id', '=', instanceId)
      .executeTakeFirst();
    const summary = row && driveFromRow(row);
    return summary && { summary, frozen: row.frozen };
  }
}
