import { setTimeout as wait } from 'node:timers/promises';
import { Child } from '../child.ts';
import type { BulkPlan, BulkResult } from '../load/bulk.ts';
import { digestsOfPattern, type Digests } from '../load/pattern.ts';
import { cpuDuring, forgetPeak, usageOf, type Watched } from '../measure/process-usage.ts';
import { median } from '../measure/statistics.ts';
import type { ImagesHouse } from './house.ts';
import type { ImagesScale } from './scale.ts';

const GIB = 1024 ** 3;
const POLL_MS = 50;

type Direction = 'upload' | 'download';

/** One line of (a): several transfers of the same, taken at different times. */
export interface TransferRow {
  readonly name: string;
  readonly transfers: number;
  readonly failed: number;
  /** Medians over the transfers; 10^6 bytes. */
  readonly megabytesPerSecond: number;
  readonly seconds: number;
  /** Over all transfers together. Empty without `/proc`. */
  readonly cpuSecondsPerGiB: Readonly<Record<string, number>>;
}

/** What a transfer of one size did to the memory of a process, in MiB. NaN without `/proc`. */
export interface MemoryRow {
  readonly name: string;
  readonly bytes: number;
  /** By process: the most that it had meanwhile, and how much more that is than before the first transfer of all. */
  readonly peakMiB: Readonly<Record<string, number>>;
  readonly growthMiB: Readonly<Record<string, number>>;
}

/** Hallmark's speed as a share of the direct one's; by CPU it is steadier on a busy machine. */
export interface TransferShare {
  readonly direction: Direction;
  readonly ofDirect: number;
  readonly ofDirectByCpu: number;
}

export interface BytesResult {
  readonly bytes: number;
  readonly rows: readonly TransferRow[];
  readonly memory: readonly MemoryRow[];
  readonly shares: readonly TransferShare[];
  /** The largest growth of any process at any size. */
  readonly growthMiB: number;
  /** Transfers after which a byte, a digest or a size was not what it should be. */
  readonly wrong: number;
  readonly failed: number;
  readonly contenders: readonly Watched[];
}

/** (a) Uploads and downloads, beside one Fastify process that takes and gives the same. Memory comes first: later it hides. */
export async function measureBytes(
  house: ImagesHouse,
  scale: ImagesScale,
  parts: AsyncDisposableStack,
): Promise<BytesResult> {
  const { child: client } = await Child.start('bulk-client', {});
  parts.use(client);
  const { child: direct, ready } = await Child.start('direct', { directory: house.directory });
  parts.use(direct);
  const run = new Transfers(house, client, { port: ready.port, process: direct });

  const memory = await run.memory(scale.sizes);
  const bytes = scale.sizes.at(-1) ?? 0;
  const samples = new Map<string, Sample[]>();
  const take = async (name: string, transfer: () => Promise<Sample>): Promise<void> => {
    samples.set(name, [...(samples.get(name) ?? []), await transfer()]);
  };
  for (let round = 0; round < scale.transferRounds; round++) {
    await take('Fastify directly, upload', async () => run.direct('PUT', bytes));
    const image = await run.create();
    await take('Hallmark, upload', async () => run.upload(image, bytes));
    await take('Fastify directly, download', async () => run.direct('GET', bytes));
    await take('Hallmark, download', async () => run.download(image, bytes));
    await run.remove(image);
  }
  const rows = [...samples].map(([name, taken]) => rowOf(name, bytes, taken));
  const share = (direction: Direction): TransferShare => {
    const [own, other] = ['Hallmark', 'Fastify directly'].map((who) =>
      rows.find(({ name }) => name === `${who}, ${direction}`),
    );
    return {
      direction,
      ofDirect: (own?.megabytesPerSecond ?? NaN) / (other?.megabytesPerSecond ?? NaN),
      ofDirectByCpu: cpuOf(other) / cpuOf(own),
    };
  };
  return {
    bytes,
    rows,
    memory,
    shares: [share('upload'), share('download')],
    growthMiB: Math.max(...memory.flatMap(({ growthMiB }) => Object.values(growthMiB))),
    wrong: run.wrong,
    failed: run.failed,
    contenders: [direct, client],
  };
}

interface Sample {
  readonly isDone: boolean;
  readonly seconds: number;
  readonly cpuMs: ReadonlyMap<string, number>;
}

interface Image {
  readonly status: string;
  readonly size: number | null;
  readonly checksum: string | null;
  readonly os_hash_value: string | null;
  readonly os_glance_failed_import?: string;
}

class Transfers {
  wrong = 0;
  failed = 0;
  readonly #house: ImagesHouse;
  readonly #client: Child<'bulk-client'>;
  readonly #direct: { readonly port: number; readonly process: Watched };
  readonly #digests = new Map<number, Digests>();

  constructor(
    house: ImagesHouse,
    client: Child<'bulk-client'>,
    direct: { readonly port: number; readonly process: Watched },
  ) {
    this.#house = house;
    this.#client = client;
    this.#direct = direct;
  }

  /** Each size is uploaded, downloaded, and staged and imported. */
  async memory(sizes: readonly number[]): Promise<MemoryRow[]> {
    const { carriers } = this.#house;
    const before = await peaks(carriers, ({ rssMiB }) => rssMiB);
    const rows: MemoryRow[] = [];
    const watch = async (name: string, bytes: number, work: () => Promise<unknown>): Promise<void> => {
      for (const { pid } of carriers) await forgetPeak(pid);
      await work();
      const peakMiB = await peaks(carriers, (usage) => usage.peakMiB);
      const growth = Object.entries(peakMiB).map(([who, mib]) => [who, mib - (before[who] ?? NaN)] as const);
      rows.push({ name, bytes, peakMiB, growthMiB: Object.fromEntries(growth) });
    };
    for (const bytes of sizes) {
      const image = await this.create();
      await watch('upload', bytes, async () => this.upload(image, bytes));
      await watch('download', bytes, async () => this.download(image, bytes));
      await this.remove(image);
      await watch('stage and import', bytes, async () => this.#import(bytes));
    }
    return rows;
  }

  async create(): Promise<string> {
    const body = { name: 'bulk', disk_format: 'raw', container_format: 'bare' };
    const { id } = (await this.#house.ask('POST', '/v2/images', { body })) as { id: string };
    return id;
  }

  async remove(id: string): Promise<void> {
    await this.#house.ask('DELETE', `/v2/images/${id}`);
  }

  async upload(id: string, bytes: number): Promise<Sample> {
    const sample = await this.#through('PUT', `/v2/images/${id}/file`, bytes);
    await this.#verify(id, bytes);
    return sample;
  }

  async download(id: string, bytes: number): Promise<Sample> {
    return await this.#through('GET', `/v2/images/${id}/file`, bytes);
  }

  async direct(method: 'PUT' | 'GET', bytes: number): Promise<Sample> {
    const { port, process } = this.#direct;
    return await this.#sample({ port, method, path: '/file', headers: {}, bytes }, [process]);
  }

  async #import(bytes: number): Promise<void> {
    const id = await this.create();
    await this.#through('PUT', `/v2/images/${id}/stage`, bytes);
    const body = { method: { name: 'glance-direct' } };
    await this.#house.ask('POST', `/v2/images/${id}/import`, { body });
    for (let image = await this.#show(id); image.status !== 'active'; image = await this.#show(id)) {
      if ((image.os_glance_failed_import ?? '') !== '') throw new Error(`The import of ${id} has failed.`);
      await wait(POLL_MS);
    }
    await this.#verify(id, bytes);
    await this.remove(id);
  }

  async #show(id: string): Promise<Image> {
    return (await this.#house.ask('GET', `/v2/images/${id}`)) as Image;
  }

  /** What Hallmark says of the image is what was sent. */
  async #verify(id: string, bytes: number): Promise<void> {
    const digests = this.#digests.get(bytes) ?? digestsOfPattern(bytes);
    this.#digests.set(bytes, digests);
    const image = await this.#show(id);
    const isRight =
      image.status === 'active' &&
      image.size === bytes &&
      image.checksum === digests.md5 &&
      image.os_hash_value === digests.sha512;
    if (!isRight) this.wrong += 1;
  }

  async #through(method: 'PUT' | 'GET', path: string, bytes: number): Promise<Sample> {
    const { port, memberHeaders: headers, watched } = this.#house;
    return await this.#sample({ port, method, path, headers, bytes }, watched);
  }

  async #sample(plan: BulkPlan, watched: readonly Watched[]): Promise<Sample> {
    const { result, cpuMs } = await cpuDuring(watched, async () => this.#client.ask(plan));
    const isDone = result.status >= 200 && result.status <= 299;
    if (!isDone) this.failed += 1;
    else if (isWrong(plan, result)) this.wrong += 1;
    return { isDone, seconds: result.seconds, cpuMs };
  }
}

const isWrong = ({ method }: BulkPlan, { intact }: BulkResult): boolean => method === 'GET' && !intact;

async function peaks(
  watched: readonly Watched[],
  read: (usage: { readonly rssMiB: number; readonly peakMiB: number }) => number,
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { name, pid } of watched) {
    const usage = await usageOf(pid);
    found[name] = usage ? read(usage) : NaN;
  }
  return found;
}

function rowOf(name: string, bytes: number, samples: readonly Sample[]): TransferRow {
  const seconds = median(samples.map((sample) => sample.seconds));
  const processes = [...(samples[0]?.cpuMs.keys() ?? [])];
  const sum = (who: string): number => samples.reduce((all, { cpuMs }) => all + (cpuMs.get(who) ?? 0), 0);
  const gib = (samples.length * bytes) / GIB;
  return {
    name,
    transfers: samples.length,
    failed: samples.filter(({ isDone }) => !isDone).length,
    megabytesPerSecond: bytes / 1e6 / seconds,
    seconds,
    cpuSecondsPerGiB: Object.fromEntries(processes.map((who) => [who, sum(who) / 1_000 / gib])),
  };
}

/** Of all processes together. NaN without `/proc`. */
function cpuOf(row: TransferRow | undefined): number {
  const each = Object.values(row?.cpuSecondsPerGiB ?? {});
  return each.length === 0 ? NaN : each.reduce((all, one) => all + one, 0);
}
