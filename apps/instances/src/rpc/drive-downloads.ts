import { z } from 'zod';
import { notFound, notReady } from '@hallmark/errors';
import type { Tickets } from '@hallmark/postgres';
import type { DataReply, Transfer } from '@hallmark/rpc';
import type { ConfigDriveSummary } from '../domain/instance-record.ts';
import { driveImage } from '../drive/config-drive.ts';
import { thawDrive } from '../drive/frozen-drive.ts';
import type { ConfigDrives } from '../store/config-drives.ts';
import type { InstanceKey, InstanceRecords } from '../store/instance-records.ts';

/** Where drives are fetched: `GET /config-drives/TICKET`. */
export const DRIVES = 'config-drives';

/** The drive as it was when the ticket was given: another one built meanwhile is not what was asked for. */
const Payload = z.object({ instanceId: z.string(), sha256: z.string() });

export interface OpenedDrive {
  readonly ticket: string;
  readonly drive: ConfigDriveSummary;
}

/** Lets config drives be fetched, from any replica. */
export class DriveDownloads {
  readonly #records: Pick<InstanceRecords, 'getView'>;
  readonly #drives: Pick<ConfigDrives, 'find'>;
  readonly #tickets: Pick<Tickets, 'issue' | 'redeem'>;

  constructor(
    records: Pick<InstanceRecords, 'getView'>,
    drives: Pick<ConfigDrives, 'find'>,
    tickets: Pick<Tickets, 'issue' | 'redeem'>,
  ) {
    this.#records = records;
    this.#drives = drives;
    this.#tickets = tickets;
  }

  /** @throws HallmarkError `INSTANCE_UNKNOWN`, `INSTANCE_BUSY`, `NO_CONFIG_DRIVE` */
  async open(key: InstanceKey): Promise<OpenedDrive> {
    const { record, configDrive } = await this.#records.getView(key);
    if (record.status === 'BUILD') throw notReady('INSTANCE_BUSY', `Instance ${key.id} is being built.`);
    if (!configDrive) throw noDrive(key.id);
    const payload: z.infer<typeof Payload> = { instanceId: record.id, sha256: configDrive.sha256 };
    return { ticket: await this.#tickets.issue(DRIVES, payload), drive: configDrive };
  }

  /** Answers `GET /config-drives/TICKET`: the bytes are made while they are sent. */
  async serve({ ticket, event }: Pick<Transfer, 'ticket' | 'event'>): Promise<DataReply> {
    const redeemed = await this.#tickets.redeem(DRIVES, ticket);
    if (redeemed === undefined) throw notFound('TICKET_UNKNOWN', 'The ticket is unknown, used or too old.');
    const { instanceId, sha256 } = Payload.parse(redeemed);
    event['instanceId'] = instanceId;
    const found = await this.#drives.find(instanceId);
    if (found?.summary.sha256 !== sha256) throw noDrive(instanceId);
    const image = driveImage(found.summary.format, thawDrive(found.frozen));
    return {
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(image.size),
        'x-hallmark-sha256': sha256,
      },
      body: image.chunks(),
    };
  }
}

const noDrive = (id: string): Error => notFound('NO_CONFIG_DRIVE', `Instance ${id} has no config drive.`);
