import type { Child } from '../child.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { GuestHouse } from './house.ts';
import { CRAWLING_PROJECT, instanceNumber } from './registry.ts';
import type { GuestScale } from './scale.ts';

/** Numbers of crawling instances, far from those of the registry. */
const FIRST_NUMBER = 100_000_001;

const EC2_LEAVES = [
  'ami-id',
  'ami-launch-index',
  'ami-manifest-path',
  'hostname',
  'instance-action',
  'instance-id',
  'instance-type',
  'local-hostname',
  'local-ipv4',
  'public-hostname',
  'public-ipv4',
  'reservation-id',
  'security-groups',
];

/** All that cloud-init 24 and later read at a first boot, in its order. */
const CRAWL = [
  '/openstack',
  '/openstack',
  ...['meta_data.json', 'user_data', 'vendor_data.json', 'vendor_data2.json', 'network_data.json'].map(
    (file) => `/openstack/2018-08-27/${file}`,
  ),
  ...[
    '',
    ...['block-device-mapping/', 'block-device-mapping/ami', 'block-device-mapping/root'],
    ...['placement/', 'placement/availability-zone'],
    ...['public-keys/', 'public-keys/0/openssh-key'],
    ...EC2_LEAVES,
  ].map((path) => `/latest/meta-data/${path}`),
];

export interface CrawlResult {
  readonly rows: readonly Row[];
  readonly requestsOfOne: number;
}

/** (c) Guests that boot at once, each reading everything, while one of three targets is dead. */
export async function measureCrawl(
  house: GuestHouse,
  client: Child<'load-client'>,
  { rounds, crawlers }: GuestScale,
): Promise<CrawlResult> {
  await house.registry.fill(FIRST_NUMBER, FIRST_NUMBER + crawlers * rounds - 1, CRAWLING_PROJECT);
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = FIRST_NUMBER + round * crawlers;
    const visitors = Array.from({ length: crawlers }, (_, index) =>
      house.guest(instanceNumber(first + index, CRAWLING_PROJECT)),
    );
    const { guestPort: port } = house;
    const plan = { kind: 'visit' as const, port, connections: crawlers, paths: CRAWL, visitors };
    samples.push(await sample(client, plan, house.watched));
  }
  return { rows: [rowOf(`${crawlers} guests at once`, samples)], requestsOfOne: CRAWL.length };
}
