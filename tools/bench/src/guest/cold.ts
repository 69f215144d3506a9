import type { Child } from '../child.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { GuestHouse } from './house.ts';
import { instanceNumber } from './registry.ts';
import type { GuestScale } from './scale.ts';

const CONNECTIONS = 8;
const META_DATA = '/openstack/latest/meta_data.json';

interface ColdReads {
  readonly name: string;
  readonly path: string;
  /** They are spread over so many instances. */
  readonly among: number;
  /** Rounds that are not counted: programs are faster when they have done something before. Default: 1. */
  readonly warmUps?: number;
}

export interface ColdResult {
  readonly rows: readonly Row[];
}

export interface RegistryResult {
  readonly rows: readonly Row[];
  /** p99 of a cold read from the large registry, as a multiple of one from the small. */
  readonly largeOverSmall: number;
}

/** (b) Instances that nobody has read yet, each read once. */
export async function measureCold(
  house: GuestHouse,
  client: Child<'load-client'>,
  scale: GuestScale,
): Promise<ColdResult> {
  const { instances: among } = scale;
  // Vendordata is cold only once: forgetting a record does not forget what the targets have said.
  const first = { name: 'vendor_data2.json', path: '/openstack/latest/vendor_data2.json', among };
  const vendordata = await readAll(house, client, { ...scale, rounds: 1 }, { ...first, warmUps: 0 });
  const record = { name: 'meta_data.json', path: META_DATA, among };
  return { rows: [vendordata, await readAll(house, client, scale, record)] };
}

/** (d) The same among many more: what the size of the registry costs. */
export async function measureRegistry(
  house: GuestHouse,
  client: Child<'load-client'>,
  scale: GuestScale,
  say: (line: string) => void,
): Promise<RegistryResult> {
  const among = async (count: number): Promise<Row> =>
    readAll(house, client, scale, { name: `among ${count} instances`, path: META_DATA, among: count });
  const small = await among(scale.instances);
  say(`(d) filling the registry with ${scale.largeRegistry} instances`);
  await house.registry.fill(scale.instances + 1, scale.largeRegistry);
  const large = await among(scale.largeRegistry);
  return { rows: [small, large], largeOverSmall: large.p99Ms / small.p99Ms };
}

/** Each round reads as many instances, spread over all of `among`, after the gateway has forgotten everything. */
async function readAll(
  house: GuestHouse,
  client: Child<'load-client'>,
  { rounds, instances }: GuestScale,
  { name, path, among, warmUps = 1 }: ColdReads,
): Promise<Row> {
  const stride = among / instances;
  const samples: Sample[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    await house.forget();
    const visitors = Array.from({ length: instances }, (_, index) => {
      const number = 1 + ((Math.floor(index * stride) + (round + warmUps) * 7) % among);
      return house.guest(instanceNumber(number));
    });
    const { guestPort: port } = house;
    const plan = { kind: 'visit' as const, port, connections: CONNECTIONS, paths: [path], visitors };
    const taken = await sample(client, plan, house.watched);
    if (round >= 0) samples.push(taken);
  }
  return rowOf(name, samples);
}
