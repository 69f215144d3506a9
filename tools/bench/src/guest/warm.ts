import { Child } from '../child.ts';
import type { LoadPlan } from '../load/plan.ts';
import type { Watched } from '../measure/process-usage.ts';
import { cpuMsOf, rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { GuestHouse } from './house.ts';
import { instanceNumber } from './registry.ts';
import type { GuestScale } from './scale.ts';

const CONNECTIONS = 32;
const DOCUMENTS = ['/openstack/latest/meta_data.json', '/openstack/latest/vendor_data2.json'] as const;

/** A document of Hallmark's beside the same bytes from bare Fastify. */
export interface Share {
  readonly document: string;
  /** Requests per second as a share of bare Fastify's. */
  readonly ofBare: number;
  /** The same by CPU time per request, which is steadier on a busy machine. NaN without `/proc`. */
  readonly ofBareByCpu: number;
}

export interface WarmResult {
  readonly rows: readonly Row[];
  readonly shares: readonly Share[];
  readonly contenders: readonly Watched[];
}

/** (a) The same document of the same instance again and again, from the gateway's memory. */
export async function measureWarm(
  house: GuestHouse,
  client: Child<'load-client'>,
  scale: GuestScale,
  parts: AsyncDisposableStack,
): Promise<WarmResult> {
  const visitor = house.guest(instanceNumber(1));
  const documents: Record<string, string> = {};
  for (const path of DOCUMENTS) {
    const response = await fetch(`http://127.0.0.1:${house.guestPort}${path}`, { headers: visitor.headers });
    documents[path] = await response.text();
  }
  const { child: bare, ready } = await Child.start('documents', { documents });
  parts.use(bare);

  const lines = DOCUMENTS.flatMap((path) => {
    const plan = (port: number): LoadPlan => ({
      ...{ kind: 'visit', port, paths: [path], visitors: [visitor], connections: CONNECTIONS },
      durationMs: scale.warmMs,
    });
    const name = `${path.slice(path.lastIndexOf('/') + 1)}, ${documents[path]?.length ?? 0} bytes`;
    return [
      { name: `bare Fastify, ${name}`, plan: plan(ready.port), watched: [bare], samples: [] as Sample[] },
      {
        name: `Hallmark, ${name}`,
        plan: plan(house.guestPort),
        watched: house.watched,
        samples: [] as Sample[],
      },
    ];
  });
  for (const { plan } of lines) await client.ask({ ...plan, durationMs: scale.warmUpMs });
  for (let round = 0; round < scale.rounds; round++) {
    for (const { plan, watched, samples } of lines) samples.push(await sample(client, plan, watched));
  }

  const rows = lines.map(({ name, samples }) => rowOf(name, samples));
  const shares = DOCUMENTS.map((path, index) => {
    const [fastify, hallmark] = rows.slice(index * 2);
    return {
      document: path.slice(path.lastIndexOf('/') + 1),
      ofBare: (hallmark?.perSecond ?? NaN) / (fastify?.perSecond ?? NaN),
      ofBareByCpu: cpuMsOf(fastify) / cpuMsOf(hallmark),
    };
  });
  return { rows, shares, contenders: [bare] };
}
