import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { createRpcClient, type RpcClient } from '@hallmark/rpc';
import { Registry } from '@hallmark/runtime';
import { freePorts, usePostgres, waitFor } from '@hallmark/testing';
import { FakeVendordata } from './fake-vendordata.ts';
import { bootRequest, call, present } from './house.ts';

// Processes that are killed: what they had begun is taken up by another, once.

jest.setTimeout(180_000); // up to three processes, one after the other

const { InstanceStatus: Status } = instances;
const MAIN = join(import.meta.dirname, '../src/main.ts');
/** As short as it may be; a living process renews it. */
const LEASE_SECONDS = 1;

const pg = usePostgres();
let opened: AsyncDisposableStack;
let vendordataService: FakeVendordata;
let folder: string;
let database: string;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  vendordataService = opened.use(await FakeVendordata.start());
  folder = await mkdtemp(join(tmpdir(), 'hallmark-crash-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  database = await pg.current.createDatabase();
});
afterEach(async () => {
  vendordataService.release();
  await opened.disposeAsync();
});

interface Replica {
  readonly client: RpcClient<typeof instances.InstancesServiceService>;
  kill(): Promise<void>;
}

/** The service as it is started in earnest, in a process of its own. */
async function startReplica(): Promise<Replica> {
  const [rpc = 0, data = 0, ops = 0] = await freePorts(3);
  const file = join(folder, `${rpc}.conf`);
  await writeFile(
    file,
    `[instances]\nlisten = 127.0.0.1:${rpc}\ndata_listen = 127.0.0.1:${data}\nops_listen = 127.0.0.1:${ops}\n` +
      `build_lease = ${LEASE_SECONDS}\n[postgres]\nurl = ${database}\n` +
      `[rpc]\nvendordata_endpoints = ${vendordataService.endpoint}\n`,
  );
  const child = spawn(process.execPath, ['--conditions=@hallmark/source', MAIN, '--config-file', file], {
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const kill = async (): Promise<void> => {
    if (isEnded(child)) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  opened.defer(kill);
  const client = opened.use(
    createRpcClient(instances.InstancesServiceService, {
      name: 'instances',
      endpoints: [`127.0.0.1:${rpc}`],
      registry: new Registry(),
    }),
  );
  const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${ops}/readyz`)).ok;
  await waitFor('the replica to be ready', ready, 40_000);
  return { client, kill };
}

const isEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function boot({ client }: Replica): Promise<string> {
  const { instance } = await client.createInstance(bootRequest({ boot: { configDrive: true } }), call());
  return present(instance).id;
}

async function statusOf({ client }: Replica, id: string): Promise<instances.InstanceStatus> {
  return present((await client.getInstance({ id, projectId: '' }, call())).instance).status;
}

async function untilBuilt(replica: Replica, id: string): Promise<instances.Instance> {
  return await waitFor(
    'the instance to leave BUILD',
    async () => {
      const { instance } = await replica.client.getInstance({ id, projectId: '' }, call());
      return present(instance).status !== Status.BUILD && instance;
    },
    40_000,
  );
}

const untilAsked = async (times: number): Promise<unknown> =>
  await waitFor(
    `vendordata to be asked ${times} times`,
    () => vendordataService.requests.length === times,
    40_000,
  );

describe('a process that is killed while it builds', () => {
  test('loses nothing: another takes the build up', async () => {
    vendordataService.hold();
    const first = await startReplica();
    const id = await boot(first);
    await untilAsked(1);
    const second = await startReplica();
    expect(await statusOf(second, id)).toBe(Status.BUILD);

    await first.kill();
    await untilAsked(2);
    vendordataService.release();

    expect((await untilBuilt(second, id)).status).toBe(Status.ACTIVE);
  });

  test('and one that lives keeps its build beyond the lease', async () => {
    vendordataService.hold();
    const first = await startReplica();
    const id = await boot(first);
    await untilAsked(1);
    const second = await startReplica();
    // The second one looks for abandoned builds whenever it is told of another.
    const others = [await boot(first), await boot(second)];
    await untilAsked(3);
    // Whatever would take it up has had the time to; that nothing does can only be seen by waiting.
    await new Promise((resolve) => setTimeout(resolve, 3 * LEASE_SECONDS * 1_000));
    vendordataService.release();
    for (const built of [id, ...others]) expect((await untilBuilt(second, built)).status).toBe(Status.ACTIVE);
    expect(vendordataService.requests).toHaveLength(3);
  });

  test('and a second one too, leaves the instance in ERROR, not in BUILD', async () => {
    vendordataService.hold();
    const first = await startReplica();
    const id = await boot(first);
    await untilAsked(1);
    const second = await startReplica();
    await first.kill();
    await untilAsked(2);
    const third = await startReplica();
    await second.kill();

    const built = await untilBuilt(third, id);

    expect(built.status).toBe(Status.ERROR);
    expect(built.fault).toMatchObject({ reason: 'CONFIG_DRIVE_FAILED' });
    expect(vendordataService.requests).toHaveLength(2);
  });
});
