import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { percentile } from '../measure/statistics.ts';
import { Connection } from './connection.ts';
import { patternAt } from './pattern.ts';
import type { LoadResult } from './plan.ts';
import { headOf } from './requests.ts';

/** Images that are created, staged, imported by glance-direct, and looked at until they are active. */
export interface ImportPlan {
  readonly port: number;
  readonly connections: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly images: number;
  /** Of each image. */
  readonly bytes: number;
}

/** Between two looks at an image. */
const POLL_MS = 10;
/** Nothing waits so long; an image that is not active then counts as a failure of status 0. */
const GIVEN_UP_MS = 60_000;

/** A step was answered with something else than 2xx. */
class StepFailure extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** A request of the answer is an image, from its create until it is active. */
export async function runImports(plan: ImportPlan): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const failures: Record<number, number> = {};
  let left = plan.images;
  const startedAt = performance.now();
  const work = async (): Promise<void> => {
    const connection = await Connection.open(plan.port);
    while (left > 0) {
      left -= 1;
      const begunAt = performance.now();
      try {
        await importOne(connection, plan);
      } catch (thrown) {
        if (!(thrown instanceof StepFailure)) throw thrown;
        failures[thrown.status] = (failures[thrown.status] ?? 0) + 1;
      }
      latenciesMs.push(performance.now() - begunAt);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: plan.connections }, work));
  return {
    requests: latenciesMs.length,
    failures,
    seconds: (performance.now() - startedAt) / 1_000,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}

async function importOne(connection: Connection, { port, headers, bytes }: ImportPlan): Promise<void> {
  const id = randomUUID();
  const path = `/v2/images/${id}`;
  const ask = async (method: string, to: string, type: string, body: Buffer): Promise<Buffer> => {
    const about = { 'Content-Type': type, 'Content-Length': String(body.length) };
    const head = Buffer.from(headOf(port, method, to, { ...headers, ...(method !== 'GET' && about) }));
    return await succeeded(connection, Buffer.concat([head, body]));
  };
  const json = async (to: string, body: object): Promise<Buffer> =>
    ask('POST', to, 'application/json', Buffer.from(JSON.stringify(body)));

  await json('/v2/images', { id, name: id, ...FORMATS, hw_disk_bus: 'virtio', os_distro: 'debian' });
  await ask('PUT', `${path}/stage`, 'application/octet-stream', patternAt(0, bytes));
  await json(`${path}/import`, { method: { name: 'glance-direct' } });
  const givenUpAt = performance.now() + GIVEN_UP_MS;
  for (;;) {
    const image = JSON.parse((await ask('GET', path, '', Buffer.alloc(0))).toString()) as Image;
    if (image.status === 'active') {
      if (image.size !== bytes) throw new StepFailure(0);
      return;
    }
    const hasFailed = (image.os_glance_failed_import ?? '') !== '';
    if (hasFailed || performance.now() > givenUpAt) throw new StepFailure(0);
    await wait(POLL_MS);
  }
}

const FORMATS = { disk_format: 'raw', container_format: 'bare' } as const;

interface Image {
  readonly status: string;
  readonly size: number | null;
  readonly os_glance_failed_import?: string;
}

async function succeeded(connection: Connection, request: Buffer): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    connection.send(request, (status, body) => {
      if (status >= 200 && status <= 299) resolve(body);
      else reject(new StepFailure(status));
    });
  });
}
