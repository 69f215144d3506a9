import { Container } from '@hallmark/testing';
import type { NeutronProxy } from './neutron.ts';

/** What cloud-init made of a metadata service. Bytes are text. */
export interface CloudInitReading {
  /** What its MetadataReader gave. */
  readonly reader: Readonly<Record<string, unknown>>;
  /** What DataSourceOpenStack made of that. */
  readonly source: Readonly<Record<string, unknown>>;
  /** Content type and text of each part, from `vendor_data.json` and from `vendor_data2.json`. */
  readonly vendordata: readonly (readonly [string, string])[];
  readonly vendordata2: readonly (readonly [string, string])[];
}

const MOUNT = '/mnt/drive';

/** A guest in which the real cloud-init runs. */
export class CloudInit implements AsyncDisposable {
  readonly #container: Container;

  private constructor(container: Container) {
    this.#container = container;
  }

  /** With a proxy, which then answers for every address that the guest asks. */
  static async boot(proxy?: NeutronProxy): Promise<CloudInit> {
    const container = await Container.start({
      image: 'cloud-init',
      ports: [],
      environment: {
        // By which cloud-init knows an OpenStack guest where there is no DMI.
        product_name: 'OpenStack Nova',
        ...(proxy && { http_proxy: proxy.urlFromContainers }),
      },
      ready: (started) => started.exec(['cloud-init', '--version']),
    });
    return new CloudInit(container);
  }

  async readMetadata(): Promise<CloudInitReading> {
    return (await this.#read('read_metadata.py')) as CloudInitReading;
  }

  /** The parts that it finds in a `vendor_data2.json`, and the one cloud-config that they come to. */
  async readVendordata(document: string): Promise<unknown> {
    return await this.#read('read_vendordata.py', document);
  }

  /** What its ConfigDriveReader gives for an ISO 9660 image, taken out as a Linux kernel would show it. */
  async readDrive(image: Buffer): Promise<Record<string, unknown>> {
    await this.#container.put('/tmp/drive', image);
    await this.#clear();
    const extract = ['-osirrox', 'on', '-indev', '/tmp/drive', '-extract', '/', MOUNT];
    await this.#container.exec(['xorriso', '-report_about', 'WARNING', ...extract]);
    return (await this.#read('read_config_drive.py', MOUNT)) as Record<string, unknown>;
  }

  /** The same for a vfat image. */
  async readVfat(image: Buffer): Promise<Record<string, unknown>> {
    await this.#container.put('/tmp/drive', image);
    await this.#clear();
    await this.#container.exec(['sh', '-c', `mkdir -p ${MOUNT} && mcopy -s -i /tmp/drive '::/*' ${MOUNT}`]);
    return (await this.#read('read_config_drive.py', MOUNT)) as Record<string, unknown>;
  }

  /** The same for files that lie there without an image around them. */
  async readFiles(files: ReadonlyMap<string, Buffer>): Promise<Record<string, unknown>> {
    await this.#clear();
    for (const [path, content] of files) await this.#container.put(`${MOUNT}/${path}`, content);
    return (await this.#read('read_config_drive.py', MOUNT)) as Record<string, unknown>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container[Symbol.asyncDispose]();
  }

  async #clear(): Promise<void> {
    await this.#container.exec(['rm', '-rf', MOUNT]);
  }

  async #read(script: string, ...args: readonly string[]): Promise<unknown> {
    const output = await this.#container.exec(['python3', `/opt/hallmark/${script}`, ...args]);
    return JSON.parse(output.slice(output.indexOf('{')));
  }
}
