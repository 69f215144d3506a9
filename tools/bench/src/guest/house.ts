import { createHmac } from 'node:crypto';
import { EmbeddedPostgres } from '@hallmark/postgres';
import { Constellation } from '@hallmark/serve';
import { freePort, startFakeKeystone, waitFor } from '@hallmark/testing';
import { Child } from '../child.ts';
import type { Visitor } from '../load/plan.ts';
import type { Watched } from '../measure/process-usage.ts';
import { BenchRegistry, CRAWLING_PROJECT, type Numbered } from './registry.ts';

/** How long each target takes to answer. */
export const TARGET_MS = 50;
/** Longer than a crowd takes to come. */
const WAIT_SECONDS = 600;
const SETTLED_MS = 60_000;

/** Hallmark with instances, as it is started from a configuration. */
export interface GuestHouse {
  readonly registry: BenchRegistry;
  readonly watched: readonly Watched[];
  readonly novaPort: number;
  readonly guestPort: number;
  readonly gatewayPid: number;
  /** Of a user who may boot. */
  readonly userToken: string;
  /** What a guest's requests carry when they come from Neutron's proxy. */
  guest(instance: Numbered): Visitor;
  /** The gateway's metric, summed over what `labels` says of its labels. */
  metric(name: string, labels?: string): Promise<number>;
  /** Makes the gateway read records again. */
  forget(): Promise<void>;
}

/** Starts PostgreSQL, Keystone, targets and all processes of Hallmark; they end with `parts`. */
export async function startGuestHouse(parts: AsyncDisposableStack, signal: AbortSignal): Promise<GuestHouse> {
  const keystone = parts.use(await startFakeKeystone());
  const { child: targets, ready } = await Child.start('targets', { count: 2, delayMs: TARGET_MS });
  parts.use(targets);
  // Without a checkpoint every few seconds a million rows are there in half the time; reads do not care.
  const postgres = parts.use(await EmbeddedPostgres.start({ settings: { max_wal_size: '4GB' } }));
  const constellation = parts.use(
    await Constellation.start({
      name: 'hallmark-bench',
      keystone: { url: keystone.url, username: 'hallmark', password: 'hallmark-secret' },
      config: configuration(ready.ports, await freePort()),
      postgresUrl: postgres.url,
      images: false,
      signal,
    }),
  );
  const registry = parts.use(await BenchRegistry.connect(postgres.url));
  const { url, guestUrl, proxySecret, programs } = constellation;
  const metric = async (name: string, labels = ''): Promise<number> => {
    const response = await fetch(`${constellation.opsUrl('gateway')}/metrics`);
    return sumOf(await response.text(), name, labels);
  };
  return {
    registry,
    watched: [
      ...[...programs].map(([name, { pid }]) => ({ name, pid })),
      { name: 'targets', pid: targets.pid },
    ],
    novaPort: Number(new URL(url).port),
    guestPort: Number(new URL(guestUrl).port),
    gatewayPid: programs.get('gateway')?.pid ?? 0,
    userToken: keystone.issue({ user: 'alice' }),
    guest: ({ id, projectId }) => ({
      headers: {
        'X-Forwarded-For': '10.1.0.7',
        'X-Instance-ID': id,
        'X-Tenant-ID': projectId,
        'X-Instance-ID-Signature': createHmac('sha256', proxySecret).update(id).digest('hex'),
      },
    }),
    metric,
    async forget() {
      await registry.forgetAll();
      const isEmpty = async () => (await metric('hallmark_gateway_cache_entries', 'cache="metadata"')) === 0;
      await waitFor('the gateway to forget', isEmpty, SETTLED_MS);
    },
  };
}

function configuration([first = 0, second = 0]: readonly number[], deadPort: number): string {
  return `[api]
vendordata_providers = StaticJSON, DynamicJSON
vendordata_dynamic_targets = cmdb@http://127.0.0.1:${first}/, join@http://127.0.0.1:${second}/,
    dead@http://127.0.0.1:${deadPort}/

# Fatal: a target that fails must show as a failed request, not as an empty part.
[vendordata_target:cmdb]
failure = fatal

[vendordata_target:join]
failure = fatal

[vendordata_target:dead]
failure = omit
projects = ${CRAWLING_PROJECT}

[gateway_guest]
wait_timeout = ${WAIT_SECONDS}
`;
}

/** Of Prometheus' text. */
function sumOf(text: string, name: string, labels: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
