import { afterEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { identity } from '@hallmark/contracts';
import { newRequestId, type JsonValue, type WorkerBus } from '@hallmark/runtime';
import { startFakeKeystone, waitFor, type FakeKeystone } from '@hallmark/testing';
import { configOf, sectionsFor, startHouse, startIdentityAt, validationsOf, type House } from './house.ts';

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

function opening<T extends AsyncDisposable>(resource: T): T {
  opened.push(resource);
  return resource;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Watch {
  /** All that came so far. */
  readonly events: identity.WatchInvalidationsResponse[];
  /** Settles when the stream is over. */
  readonly over: Promise<void>;
  stop(): void;
}

function watch({ client }: House): Watch {
  const stop = new AbortController();
  const events: identity.WatchInvalidationsResponse[] = [];
  const read = async (): Promise<void> => {
    const stream = client.watchInvalidations({}, { requestId: newRequestId(), signal: stop.signal });
    for await (const event of stream) events.push(event);
  };
  return { events, over: read(), stop: () => stop.abort() };
}

async function watching(house: House): Promise<Watch> {
  const started = watch(house);
  await waitFor('hello', () => started.events.length > 0);
  return started;
}

function invalidated({ events }: Watch): string[] {
  return events.flatMap(({ event }) =>
    event?.$case === 'tokenInvalidated' ? [event.value.tokenSha256] : [],
  );
}

/** Buses of workers of one machine, joined as `runApp` joins them. */
function joinedBuses(count: number): WorkerBus[] {
  const listeners = Array.from({ length: count }, () => new Map<string, (message: JsonValue) => void>());
  return listeners.map((own) => ({
    publish(topic, message) {
      for (const other of listeners) if (other !== own) other.get(topic)?.(message);
    },
    subscribe(topic, listener) {
      own.set(topic, listener);
      return () => own.delete(topic);
    },
  }));
}

async function startWorkers(count: number): Promise<{ keystone: FakeKeystone; workers: House[] }> {
  const keystone = opening(await startFakeKeystone());
  const workers: House[] = [];
  for (const bus of joinedBuses(count)) workers.push(opening(await startIdentityAt(keystone, { bus })));
  return { keystone, workers };
}

describe('a watch', () => {
  test('begins with hello and shows a sign of life each second', async () => {
    const house = opening(await startHouse());
    const watched = await watching(house);
    await waitFor('two heartbeats', () => watched.events.length >= 3);
    expect(watched.events.map(({ event }) => event?.$case)).toEqual(['hello', 'heartbeat', 'heartbeat']);
    const versions = watched.events.map(({ version }) => version);
    expect(new Set(versions).size).toBe(1);
    expect(versions[0]).toBeGreaterThan(Date.now() - 60_000);
    watched.stop();
    await watched.over;
    await waitFor(
      'the watcher to be gone',
      async () => (await house.metric('hallmark_identity_watchers')) === 0,
    );
  });

  test('ends with UNAVAILABLE when the service stops, which it does at once', async () => {
    const house = await startHouse();
    const watched = await watching(house);
    const startedAt = performance.now();
    const ended = expect(watched.over).rejects.toMatchObject({ code: 'unavailable' });
    await house.running[Symbol.asyncDispose]();
    await ended;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await house[Symbol.asyncDispose]();
  });

  test('names the ground on which answers stand: another account or rule is another epoch', async () => {
    const keystone = opening(await startFakeKeystone());
    const epochOf = async (config: Parameters<typeof startIdentityAt>[1]): Promise<unknown> => {
      await using house = await startIdentityAt(keystone, config);
      const watched = await watching(house);
      watched.stop();
      await watched.over;
      return watched.events[0]?.event?.value;
    };
    const epoch = await epochOf({});
    expect(await epochOf({})).toEqual(epoch);
    expect(await epochOf({ config: { keystone_authtoken: { password: 'another' } } })).toEqual(epoch);
    expect(await epochOf({ config: { keystone_authtoken: { username: 'nova' } } })).not.toEqual(epoch);
    expect(await epochOf({ config: { keystone_authtoken: { service_token_roles: 'x' } } })).not.toEqual(
      epoch,
    );
  });
});

describe('a token found invalid', () => {
  test('is forgotten by every worker that held it as valid, and by all who watch any of them', async () => {
    const { keystone, workers } = await startWorkers(3);
    const [holder, finder, bystander] = workers as [House, House, House];
    const watches = await Promise.all(workers.map((worker) => watching(worker)));
    const token = keystone.issue({ user: 'alice' });
    const { reuse } = await holder.validate(token);
    keystone.revoke(token);
    expect((await holder.validate(token)).caller?.userName).toBe('alice');

    await expect(finder.validate(token)).rejects.toMatchObject({ reason: 'TOKEN_INVALID' });

    await waitFor('all watchers to be told', () => watches.every((each) => invalidated(each).length > 0));
    expect(watches.map(invalidated)).toEqual([[sha256(token)], [sha256(token)], [sha256(token)]]);
    const versions = watches.map(({ events }) => events.at(-1)?.version ?? 0);
    expect(new Set(versions).size).toBe(1);
    expect(versions[0]).toBeGreaterThan(reuse?.version ?? Infinity);
    await expect(holder.validate(token)).rejects.toMatchObject({ reason: 'TOKEN_INVALID' });
    // What is answered from now on is newer than the invalidation.
    const later = await bystander.validate(keystone.issue({ user: 'alice' }));
    expect(later.reuse?.version).toBeGreaterThanOrEqual(versions[0] ?? Infinity);
    for (const each of watches) each.stop();
  });

  test('that nobody held as valid is nobody’s business', async () => {
    const { keystone, workers } = await startWorkers(2);
    const [first, second] = workers as [House, House];
    const watched = await watching(first);
    for (const nonsense of ['gAAAAAx', 'gAAAAAy']) await second.validate(nonsense).catch(() => undefined);
    const token = keystone.issue({ user: 'alice' });
    await first.validate(token);
    keystone.revoke(token);
    await second.validate(token).catch(() => undefined);
    await waitFor('the one that counts', () => invalidated(watched).length > 0);
    expect(invalidated(watched)).toEqual([sha256(token)]);
    watched.stop();
  });

  test('overtakes an answer that Keystone gave before it: that is not kept', async () => {
    const { keystone, workers } = await startWorkers(2);
    const [slow, finder] = workers as [House, House];
    await waitFor('the logins', async () => (await slow.running.ready()) && (await finder.running.ready()));
    const watched = await watching(slow);
    const token = keystone.issue({ user: 'alice' });
    keystone.delay(300);
    const overtaken = slow.validate(token);
    await waitFor('the first question', () => validationsOf(keystone).length === 1);
    keystone.delay(0);
    keystone.revoke(token);

    await expect(finder.validate(token)).rejects.toMatchObject({ reason: 'TOKEN_INVALID' });

    const { reuse } = await overtaken;
    expect(reuse?.ttl).toEqual({ seconds: 0, nanos: 0 });
    expect(invalidated(watched)).toEqual([sha256(token)]);
    await expect(slow.validate(token)).rejects.toMatchObject({ reason: 'TOKEN_INVALID' });
    watched.stop();
  });
});

describe('a new configuration', () => {
  test('makes every watcher forget all, and takes effect without losing a request', async () => {
    const house = opening(await startHouse());
    const { keystone } = house;
    const watched = await watching(house);
    const token = keystone.issue({ user: 'alice' });
    await house.validate(token);
    keystone.delay(200);
    const onItsWay = house.validate(keystone.issue({ user: 'alice' }));
    await waitFor('the question', () => validationsOf(keystone).length === 2);

    await house.running.reload?.(
      configOf(sectionsFor(keystone), {
        keystone_authtoken: { username: 'nova', password: 'nova-secret' },
        vendordata_dynamic_auth: { auth_type: '' },
      }),
    );

    expect((await onItsWay).caller?.userName).toBe('alice');
    expect(invalidated(watched)).toEqual(['']);
    expect((await house.serviceToken()).token).toBe('');
    const asked = validationsOf(keystone).length;
    await house.validate(token);
    expect(validationsOf(keystone)).toHaveLength(asked + 1);
    const again = await watching(house);
    expect(again.events[0]?.event).not.toEqual(watched.events[0]?.event);
    watched.stop();
    again.stop();
  });

  test('that is faulty leaves the old one in place', async () => {
    const house = opening(await startHouse());
    const faulty = configOf(sectionsFor(house.keystone), { keystone_authtoken: { auth_type: 'v3totp' } });
    await expect(house.running.reload?.(faulty)).rejects.toThrow(/v3totp/);
    expect((await house.validate(house.keystone.issue({ user: 'alice' }))).caller?.userName).toBe('alice');
  });
});
