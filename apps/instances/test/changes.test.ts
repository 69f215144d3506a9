import { describe, expect, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { newRequestId } from '@hallmark/runtime';
import { usePostgres, waitFor } from '@hallmark/testing';
import { call, House, present } from './house.ts';

const { InstanceStatus: Status } = instances;
const pg = usePostgres();

type Event = instances.WatchInvalidationsResponse;

/** A watch, and what it has brought so far. */
class Watch implements AsyncDisposable {
  readonly events: Event[] = [];
  readonly ended: Promise<void>;
  #hasEnded = false;
  readonly #stop = new AbortController();

  constructor({ client }: House) {
    this.ended = this.#read(
      client.watchInvalidations({}, { requestId: newRequestId(), signal: this.#stop.signal }),
    );
  }

  static async begin(house: House): Promise<Watch> {
    const watch = new Watch(house);
    await waitFor('the greeting of a watch', () => watch.events.length > 0);
    return watch;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get hello(): Event {
    return present(this.events[0]);
  }

  get heartbeats(): readonly Event[] {
    return this.events.filter(({ event }) => event?.$case === 'heartbeat');
  }

  /** Ids with their versions, in order. */
  get changes(): readonly (readonly [id: string, version: number])[] {
    return this.events.flatMap(({ event, version }) =>
      event?.$case === 'instanceInvalidated' ? [[event.value.instanceId, version] as const] : [],
    );
  }

  async changeOf(id: string): Promise<number> {
    const [, version] = await waitFor('a change to be told', () =>
      this.changes.find(([changed]) => changed === id),
    );
    return version;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  async #read(stream: AsyncIterable<Event>): Promise<void> {
    try {
      for await (const event of stream) this.events.push(event);
    } catch {
      // A stream that breaks has ended too.
    }
    this.#hasEnded = true;
  }
}

const metadata = [{ key: 'a', value: '1' }];

describe('a watch', () => {
  test('begins with the epoch and lives by heartbeats', async () => {
    await using house = await House.open({ database: await pg.current.createDatabase() });
    await using watch = await heard(house);
    expect(watch.hello.event).toMatchObject({ $case: 'hello', value: { epoch: expect.stringMatching(/./) } });
    await waitFor('two heartbeats', () => watch.heartbeats.length >= 2);
  });

  test.each<[string, (house: House, id: string) => Promise<unknown>]>([
    ['new metadata', (house, id) => house.client.updateMetadata({ id, projectId: '', metadata }, call())],
    ['a password', (house, id) => house.client.setPassword({ id, password: Buffer.from('x') }, call())],
    ['a rebuild', (house, id) => house.client.rebuildInstance({ id, projectId: '', imageId: id }, call())],
    ['a deletion', (house, id) => house.client.deleteInstance({ id, projectId: '' }, call())],
  ])('tells of %s at every replica, and answers made since know of it', async (_, change) => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    await using second = await House.open({ database });
    const { id } = await first.boot();
    await using here = await heard(first);
    await using there = await heard(second);
    const before = present((await second.metadata(id)).reuse).version;
    await change(first, id);
    const version = await there.changeOf(id);
    expect(await here.changeOf(id)).toBe(version);
    expect(version).toBeGreaterThan(before);
    const { id: other } = await second.boot();
    expect(present((await second.metadata(other)).reuse).version).toBeGreaterThanOrEqual(version);
  });

  test('brings changes in the order in which they can be read', async () => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    await using second = await House.open({ database });
    const booted = await Promise.all(Array.from({ length: 10 }, () => first.boot()));
    await using watch = await heard(second);
    const changes = booted.flatMap(({ id }) =>
      [first, second].map((house) => house.client.updateMetadata({ id, projectId: '', metadata }, call())),
    );
    await Promise.all(changes);
    await waitFor('all changes to be told', () => watch.changes.length === 20);
    const versions = watch.changes.map(([, version]) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    expect(versions[0]).toBeGreaterThan(watch.hello.version);
  });

  test('tells nothing of what was refused or rolled back', async () => {
    await using house = await House.open({ database: await pg.current.createDatabase() });
    const { id } = await house.boot();
    await house.client.setPassword({ id, password: Buffer.from('x') }, call());
    await using watch = await heard(house);
    await expect(house.client.setPassword({ id, password: Buffer.from('y') }, call())).rejects.toThrow();
    await house.boot();
    await house.client.updateMetadata({ id, projectId: '', metadata }, call());
    await watch.changeOf(id);
    expect(watch.changes).toHaveLength(1);
  });

  test('ends at another epoch, and begins anew with it', async () => {
    await using house = await House.open({ database: await pg.current.createDatabase() });
    await using before = await heard(house);
    await house.reload('[api]\ndhcp_domain = cloud.test\n');
    await before.ended;
    await using after = await heard(house);
    expect(after.hello.event).not.toEqual(before.hello.event);
    // What was under way with the old domain is older than this.
    await waitFor('the version to grow', async () => {
      await using watch = await Watch.begin(house);
      return watch.hello.version > before.hello.version;
    });
    await house.reload('[api]\ndhcp_domain = cloud.test\n[instances]\ndeleted_retention = 5\n');
    const count = after.heartbeats.length;
    await waitFor('a heartbeat', () => after.heartbeats.length > count);
  });

  test('ends when PostgreSQL is lost, and begins when it is back', async () => {
    await using house = await House.open({ database: await pg.current.createDatabase() });
    const { id } = await house.boot();
    await using watch = await heard(house);
    await pg.current.stop();
    try {
      await watch.ended;
      await using refused = new Watch(house);
      await refused.ended;
      expect(refused.events).toEqual([]);
    } finally {
      await pg.current.start();
    }
    await using again = await heard(house);
    expect(again.hello.version).toBeGreaterThanOrEqual(watch.hello.version);
    await house.client.updateMetadata({ id, projectId: '', metadata }, call());
    await again.changeOf(id);
  });

  test('ends with the process', async () => {
    const house = await House.open({ database: await pg.current.createDatabase() });
    const watch = await heard(house);
    await house[Symbol.asyncDispose]();
    await watch.ended;
    expect(watch.hasEnded).toBe(true);
  });
});

/** A watch as soon as the replica hears of changes. */
async function heard(house: House): Promise<Watch> {
  return await waitFor('a watch to begin', async () => {
    const watch = new Watch(house);
    await waitFor('the watch to be greeted or to end', () => watch.hasEnded || watch.events.length > 0);
    if (!watch.hasEnded) return watch;
    await watch[Symbol.asyncDispose]();
    return undefined;
  });
}

describe('who waits for a build', () => {
  const wait = (seconds: number) => ({ projectId: '', wait: { seconds, nanos: 0 } });

  test('hears of its end at any replica at once', async () => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    await using second = await House.open({ database });
    const { id } = await first.boot({ boot: { configDrive: true } });
    const startedAt = performance.now();
    const waiting = second.client.getInstance({ id, ...wait(15) }, call());
    await waitFor('the waiting to have begun', async () => {
      const metric = await second.registry.getSingleMetricAsString('hallmark_instances_waiting');
      return / 1$/m.test(metric);
    });
    // As another replica does when a drive is built.
    await first.rows(
      `WITH done AS (UPDATE instances SET status = 'ACTIVE' WHERE id = $1)
       SELECT pg_notify('instances_changes', json_build_object('kind', 'changed', 'id', $1::text, 'version', 1)::text)`,
      [id],
    );
    expect((await waiting).instance?.status).toBe(Status.ACTIVE);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  test('is told that it goes on when the time is over', async () => {
    await using house = await House.open({ database: await pg.current.createDatabase() });
    const { id } = await house.boot({ boot: { configDrive: true } });
    const { instance } = await house.client.getInstance({ id, ...wait(1) }, call());
    expect(instance?.status).toBe(Status.BUILD);
    const short = await house.client.getInstance({ id, ...wait(60) }, call(1_500));
    expect(short.instance?.status).toBe(Status.BUILD);
  });

  test('does not hold up the end of the process', async () => {
    const house = await House.open({ database: await pg.current.createDatabase() });
    const { id } = await house.boot({ boot: { configDrive: true } });
    const waiting = house.client.getInstance({ id, ...wait(20) }, call());
    await waitFor('the waiting to have begun', async () =>
      / 1$/m.test(await house.registry.getSingleMetricAsString('hallmark_instances_waiting')),
    );
    const startedAt = performance.now();
    const end = house.running[Symbol.asyncDispose]();
    expect((await waiting).instance?.status).toBe(Status.BUILD);
    await end;
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await house[Symbol.asyncDispose]();
  });

  test('waits for nothing that is there, and hears of a deletion', async () => {
    await using house = await House.open({ database: await pg.current.createDatabase() });
    const { id: active } = await house.boot();
    expect((await house.client.getInstance({ id: active, ...wait(60) }, call())).instance?.status).toBe(
      Status.ACTIVE,
    );
    const { id } = await house.boot({ boot: { configDrive: true } });
    const waiting = house.client.getInstance({ id, ...wait(20) }, call());
    await house.client.deleteInstance({ id, projectId: '' }, call());
    await expect(waiting).rejects.toMatchObject({ reason: 'INSTANCE_UNKNOWN' });
  });
});
