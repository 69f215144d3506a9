import type { vendordata } from '@hallmark/contracts';
import type { RpcClient } from '@hallmark/rpc';
import type { InstanceRecord } from '../domain/instance-record.ts';
import { driveFiles } from '../domain/metadata/drive-files.ts';
import { vendordataRequest } from '../domain/metadata/vendordata-request.ts';
import { digestOf, driveImage, type DriveFormat } from '../drive/config-drive.ts';
import { freezeDrive } from '../drive/frozen-drive.ts';
import type { FinishedDrive } from '../store/builds.ts';
import { resolveForDrive, type FreezePolicy, type Work } from './drive-vendordata.ts';

/** How drives are built, as it is configured now. */
export interface DriveSettings {
  readonly format: DriveFormat;
  /** Appended to host names. Empty: nothing is. */
  readonly dhcpDomain: string;
  /** EC2 versions to leave off, with blanks between. */
  readonly skipVersions: string;
  readonly freeze: FreezePolicy;
}

/** Makes a drive of a record and of what vendordata services say, and freezes it. */
export class DriveBuilder {
  readonly #vendordata: Pick<RpcClient<typeof vendordata.VendordataServiceService>, 'resolve'>;
  readonly #settings: () => DriveSettings;

  constructor(
    client: Pick<RpcClient<typeof vendordata.VendordataServiceService>, 'resolve'>,
    settings: () => DriveSettings,
  ) {
    this.#vendordata = client;
    this.#settings = settings;
  }

  async build(record: InstanceRecord, work: Work): Promise<FinishedDrive> {
    const { format, freeze, ...terms } = this.#settings();
    const said = await resolveForDrive(this.#vendordata, vendordataRequest(record), freeze, work);
    const contents = { files: driveFiles(record, { ...terms, ...said }), createdAt: record.createdAt };
    const { size, sha256 } = await digestOf(driveImage(format, contents));
    const { shortLivedTargets } = said;
    return { format, size, sha256, shortLivedTargets, frozen: freezeDrive(contents) };
  }
}
