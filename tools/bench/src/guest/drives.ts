import type { Child } from '../child.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { GuestHouse } from './house.ts';
import type { GuestScale } from './scale.ts';

const CONNECTIONS = 8;
/** Longer than a build takes on the busiest machine. */
const WAIT_SECONDS = 30;

export interface DrivesResult {
  readonly rows: readonly Row[];
  /** Instances in ERROR. */
  readonly failedBuilds: number;
}

/** (e) Boots with a config drive, from the POST until ACTIVE, two targets for each; and their drives fetched. */
export async function measureDrives(
  house: GuestHouse,
  client: Child<'load-client'>,
  { rounds, drives }: GuestScale,
): Promise<DrivesResult> {
  const { novaPort: port, userToken, registry } = house;
  const headers = { 'X-Auth-Token': userToken, 'Content-Type': 'application/json' };
  const common = { port, connections: CONNECTIONS };
  const boots: Sample[] = [];
  const fetches: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const boot = {
      ...{ kind: 'post' as const, ...common, path: '/v1/instances', requests: drives },
      headers: { ...headers, Prefer: `wait=${WAIT_SECONDS}` },
      body: '{"name": "mail-1", "config_drive": true, "metadata": {"role": "mail"}}',
    };
    boots.push(await sample(client, boot, house.watched));
    const visitors = (await registry.drives(drives)).map((id) => ({
      path: `/v1/instances/${id}/config-drive`,
      headers,
    }));
    const fetchAll = { kind: 'visit' as const, ...common, paths: [''], visitors };
    fetches.push(await sample(client, fetchAll, house.watched));
  }
  return {
    rows: [rowOf('booted until ACTIVE', boots), rowOf('fetched', fetches)],
    failedBuilds: await registry.failed(),
  };
}
