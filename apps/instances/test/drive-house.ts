import { createHash } from 'node:crypto';
import { instances } from '@hallmark/contracts';
import { DataClient, type DataAnswer } from '@hallmark/rpc';
import { newRequestId } from '@hallmark/runtime';
import { waitFor, type Container } from '@hallmark/testing';
import type { FakeVendordata } from './fake-vendordata.ts';
import { call, House, present, type BootOptions } from './house.ts';

const { InstanceStatus: Status } = instances;

export interface DriveHouseOptions {
  readonly database: string;
  readonly vendordata: Pick<FakeVendordata, 'endpoint'>;
  readonly ini?: string;
}

/** What came from the data listener. */
export interface FetchedDrive {
  readonly headers: DataAnswer['headers'];
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** The instances service beside a vendordata service, and its data listener. */
export class DriveHouse implements AsyncDisposable {
  readonly house: House;
  readonly #data: DataClient;

  private constructor(house: House) {
    this.house = house;
    this.#data = new DataClient({ name: 'instances', endpoints: house.running.addresses['data'] ?? [] });
  }

  static async open({ database, vendordata, ini = '' }: DriveHouseOptions): Promise<DriveHouse> {
    const wiring = `[rpc]\nvendordata_endpoints = ${vendordata.endpoint}\n`;
    return new DriveHouse(await House.open({ database, ini: `${wiring}${ini}` }));
  }

  /** A boot that wishes for a config drive, as it is right after it was taken in. */
  async boot({ boot, ...options }: BootOptions = {}): Promise<instances.Instance> {
    return await this.house.boot({ ...options, boot: { ...boot, configDrive: true } });
  }

  /** The instance once it has left BUILD. */
  async built(id: string): Promise<instances.Instance> {
    return await waitFor(
      `instance ${id} to leave BUILD`,
      async () => {
        const wait = { seconds: 5, nanos: 0 };
        const { instance } = await this.house.client.getInstance({ id, projectId: '', wait }, call());
        return present(instance).status !== Status.BUILD && instance;
      },
      40_000,
    );
  }

  async open(id: string, projectId = ''): Promise<instances.OpenConfigDriveResponse> {
    return await this.house.client.openConfigDrive({ id, projectId }, call());
  }

  async fetch(ticket: string): Promise<FetchedDrive> {
    const request = { kind: 'config-drives', ticket };
    const { headers, body } = await this.#data.get(request, { requestId: newRequestId() });
    const bytes = Buffer.concat(await body.toArray());
    return { headers, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  async download(id: string): Promise<FetchedDrive> {
    return await this.fetch((await this.open(id)).ticket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#data[Symbol.asyncDispose]();
    await this.house[Symbol.asyncDispose]();
  }
}

/** What a tool read from a drive, by path: `sha256sum` of each file below a folder of the container. */
export async function digests(container: Container, folder: string): Promise<Record<string, string>> {
  const printed = await container.exec(['sh', '-c', `cd ${folder} && find . -type f -exec sha256sum {} +`]);
  const lines = printed.trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(66).replace('./', ''), line.slice(0, 64)]));
}
