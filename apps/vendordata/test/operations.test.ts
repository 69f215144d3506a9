import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { ConfigError, newRequestId } from '@hallmark/runtime';
import { startFakeTarget, waitFor, type FakeTarget } from '@hallmark/testing';
import { INSTANCE, instanceNumber, listed, NOVA_BODY, openHouse, type House } from './house.ts';

let target: FakeTarget;
let house: House;
let log: string[];

beforeEach(async () => {
  log = [];
  target = await startFakeTarget({ json: { a: 1 }, cacheControl: 'max-age=60' });
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

const open = async (ini: string): Promise<void> => {
  house = await openHouse(ini, { log });
};

const call = () => ({ requestId: newRequestId(), timeoutMs: 5_000 });

/** The parsed lines of the log with that message. */
const lines = (message: string): Record<string, unknown>[] =>
  log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message);

describe('ListTargets', () => {
  test('tells how each target does, and nothing secret', async () => {
    const url = `${target.url.replace('//', '//user:url-secret@')}v1/?key=query-secret`;
    await open(
      `${listed({ cmdb: url, other: 'grpc://127.0.0.1:9' })}[vendordata_target:other]\nfailure = stale\n`,
    );
    await house.resolve({ target: 'cmdb' });
    await house.resolve({ target: 'cmdb' });
    const { targets, cache } = await house.client.listTargets({}, call());
    expect(targets.map(({ name }) => name)).toEqual(['cmdb', 'other']);
    expect(targets[0]).toMatchObject({
      url: `${target.url}v1/`,
      failurePolicy: vendordata.Target_FailurePolicy.OMIT,
      breaker: vendordata.Target_Breaker.CLOSED,
      retryTime: undefined,
      calls: 2,
      failures: 0,
      lastFailure: undefined,
      lastSuccessTime: expect.any(Date),
      inFlight: 0,
    });
    expect(targets[1]).toMatchObject({
      url: 'grpc://127.0.0.1:9',
      failurePolicy: vendordata.Target_FailurePolicy.STALE,
      calls: 0,
    });
    expect(JSON.stringify(targets)).not.toContain('secret');
    // RFC 9111 section 3.5: what came for credentials is only kept if the target says `public`.
    expect(cache).toMatchObject({ entries: 0, shared: false });
  });

  test('counts what the cache did and what is under way', async () => {
    await open(`${listed({ cmdb: target.url })}[vendordata]\nresolve_timeout = 4\n`);
    await house.resolve();
    await house.resolve();
    expect(await house.target('cmdb')).toMatchObject({ cacheHits: 1, cacheMisses: 1, calls: 1 });
    target.answer({ fault: 'hang' });
    const pending = house.resolve({ instance: instanceNumber(2) });
    await waitFor('the request', async () => (await house.target('cmdb')).inFlight === 1);
    await pending;
    await waitFor('its end', async () => (await house.target('cmdb')).inFlight === 0);
  });
});

describe('ProbeTarget', () => {
  test('tells what the target says and whether it could be kept, and keeps nothing', async () => {
    await open(listed({ cmdb: target.url }));
    const probed = await house.probe('cmdb');
    expect(probed).toMatchObject({ status: 200, cacheControl: 'max-age=60', failure: undefined });
    expect(probed.json.toString()).toBe('{"a":1}');
    expect(probed.ttl?.seconds).toBeGreaterThanOrEqual(59);
    await house.probe('cmdb');
    expect(target.requests).toHaveLength(2);
    await house.resolve();
    expect(target.requests).toHaveLength(3);
    await house.probe('cmdb');
    expect(target.requests).toHaveLength(4);
    expect(await house.target('cmdb')).toMatchObject({ calls: 1, cacheMisses: 1 });
  });

  test('tells failures as answers, and mistakes as mistakes', async () => {
    await open(listed({ cmdb: target.url }));
    target.answer({ status: 503 });
    expect(await house.probe('cmdb')).toMatchObject({ status: 503, failure: { reason: 'STATUS' } });
    target.answer({ fault: 'hang' });
    expect(await house.probe('cmdb', { timeoutMs: 2_000 })).toMatchObject({
      status: 0,
      failure: { reason: 'TIMEOUT' },
    });
    await expect(house.probe('nobody')).rejects.toMatchObject({ reason: 'TARGET_UNKNOWN' });
    await expect(house.probe('cmdb', { instance: '[]' })).rejects.toMatchObject({
      reason: 'INSTANCE_INVALID',
    });
  });
});

describe('Purge', () => {
  test('forgets answers about an instance, however its id is written, and tells the watchers', async () => {
    await open(listed({ cmdb: target.url }));
    const stop = new AbortController();
    const seen: vendordata.WatchInvalidationsResponse[] = [];
    const watching = (async () => {
      const events = house.client.watchInvalidations({}, { requestId: newRequestId(), signal: stop.signal });
      for await (const event of events) seen.push(event);
    })();
    await waitFor('hello', () => seen[0]?.event?.$case === 'hello');
    const { reuse } = await house.resolve();
    await house.resolve({ instance: instanceNumber(2) });

    const { purged } = await house.client.purge({ instanceId: INSTANCE.toUpperCase(), target: '' }, call());
    expect(purged).toBe(1);
    const event = await waitFor('the invalidation', () =>
      seen.find((one) => one.event?.$case === 'answersInvalidated'),
    );
    expect(event.event?.value).toEqual({ instanceId: INSTANCE, target: '' });
    expect(event.version).toBeGreaterThan(reuse?.version ?? 0);
    await waitFor('a heartbeat', () => seen.at(-1)?.event?.$case === 'heartbeat');

    await house.resolve();
    await house.resolve({ instance: instanceNumber(2) });
    expect(target.requests).toHaveLength(3);
    stop.abort();
    await watching;
  });

  test('of a target nobody knows is a mistake', async () => {
    await open(listed({ cmdb: target.url }));
    await expect(house.client.purge({ instanceId: '', target: 'nobody' }, call())).rejects.toMatchObject({
      reason: 'TARGET_UNKNOWN',
    });
    expect(await house.client.purge({ instanceId: '', target: 'cmdb' }, call())).toEqual({ purged: 0 });
  });
});

describe('a reload', () => {
  const epochs = async (): Promise<string[]> => {
    const stop = new AbortController();
    const found: string[] = [];
    for await (const { event } of house.client.watchInvalidations(
      {},
      { requestId: newRequestId(), signal: stop.signal },
    )) {
      if (event?.$case === 'hello') found.push(event.value.epoch);
      stop.abort();
    }
    return found;
  };

  test('takes other targets, and watchers learn that answers no longer hold', async () => {
    await using other = await startFakeTarget({ json: 'other' });
    await open(listed({ cmdb: target.url }));
    await house.resolve();
    const [before] = await epochs();
    await house.reload(listed({ cmdb: target.url, other: other.url }));
    expect((await epochs())[0]).not.toBe(before);
    expect(await house.document()).toMatchObject({ cmdb: {}, other: { json: '"other"' } });

    await house.reload(listed({ other: other.url }));
    expect(Object.keys(await house.document())).toEqual(['other']);
    await house.reload(listed({ cmdb: target.url }));
    expect((await epochs())[0]).toBe(before);
  });

  test('keeps the connections, the breaker and the figures of a target that did not change', async () => {
    await open(`${listed({ cmdb: target.url })}[vendordata_target:cmdb]\nbreaker_failures = 1\n`);
    target.answer({ status: 500 });
    await house.resolve();
    await house.reload(
      `${listed({ other: target.url, cmdb: target.url })}[vendordata_target:cmdb]\nbreaker_failures = 1\n`,
    );
    expect(await house.target('cmdb')).toMatchObject({ calls: 1, breaker: vendordata.Target_Breaker.OPEN });
    expect(await house.target('other')).toMatchObject({
      calls: 0,
      breaker: vendordata.Target_Breaker.CLOSED,
    });
  });

  test('lets requests under way finish with the targets they began with', async () => {
    await open(listed({ cmdb: target.url }));
    target.answer({ json: 'late', delayMs: 500 });
    // Not even sent yet: it waits for a token.
    house.identity.delayMs = 500;
    const pending = house.document();
    await waitFor('the request', () => house.identity.requests.length === 1);
    const reloading = house.reload('');
    await waitFor('the new targets', async () => Object.keys(await house.document()).length === 0);
    expect(await pending).toMatchObject({ cmdb: { json: '"late"', source: 'fresh' } });
    await reloading;
  });

  test('with faults changes nothing', async () => {
    await open(listed({ cmdb: target.url }));
    await expect(house.reload(listed({ cmdb: 'nowhere' }))).rejects.toThrow(ConfigError);
    expect(await house.document()).toMatchObject({ cmdb: { json: '{"a":1}' } });
  });
});

describe('what is seen', () => {
  test('one line when a target begins to fail and one when it answers again, not one per call', async () => {
    await open(`${listed({ cmdb: target.url })}[vendordata_target:cmdb]\nbreaker_failures = 99\n`);
    target.answer({ status: 500, body: 'body-secret' });
    for (let number = 0; number < 5; number++) await house.resolve({ instance: instanceNumber(number) });
    target.answer({ json: 1 });
    for (let number = 5; number < 8; number++) await house.resolve({ instance: instanceNumber(number) });
    expect(lines('target fails')).toEqual([
      expect.objectContaining({ level: 'warn', target: 'cmdb', reason: 'STATUS', status: 500 }),
    ]);
    expect(lines('target answers again')).toEqual([
      expect.objectContaining({ level: 'info', target: 'cmdb', failures: 5 }),
    ]);
    // It flaps: no second line within ten seconds.
    target.answer({ status: 500 });
    await house.resolve({ instance: instanceNumber(9) });
    expect(lines('target fails')).toHaveLength(1);
    expect(log.join('')).not.toMatch(/body-secret|token-1|I2Nsb3VkLWNvbmZpZw/);
  });

  test('one line per request, with what came from where', async () => {
    await open(listed({ cmdb: target.url }));
    await house.resolve();
    expect(lines('rpc').at(-1)).toMatchObject({
      instanceId: INSTANCE,
      targets: { cmdb: expect.stringMatching(/^fresh \d+ ms$/) },
    });
  });

  test('a line for what cloud-init could not take, once', async () => {
    await open(`${listed({ cmdb: target.url })}[vendordata]\ncompose_cloud_init = true\n`);
    target.answer({ json: { 'cloud-init': { runcmd: [] } } });
    await house.resolve();
    await house.resolve();
    expect(lines('target has something for cloud-init that cloud-init cannot take; it is left out')).toEqual([
      expect.objectContaining({ target: 'cmdb', found: 'an object' }),
    ]);
  });

  test('figures for the operator', async () => {
    await open(`${listed({ cmdb: target.url })}[vendordata_target:cmdb]\nbreaker_failures = 1\n`);
    await house.resolve();
    target.answer({ status: 500 });
    await house.resolve({ instance: instanceNumber(2) });
    const text = await house.registry.metrics();
    expect(text).toContain('hallmark_vendordata_target_requests_total{target="cmdb",outcome="answered"} 1');
    expect(text).toContain('hallmark_vendordata_target_requests_total{target="cmdb",outcome="status"} 1');
    expect(text).toContain('hallmark_vendordata_target_seconds_count{target="cmdb"} 2');
    expect(text).toContain('hallmark_vendordata_target_in_flight{target="cmdb"} 0');
    expect(text).toContain('hallmark_vendordata_target_breaker{target="cmdb"} 2');
    expect(text).toContain('hallmark_vendordata_parts_total{target="cmdb",source="omitted"} 1');
    expect(text).not.toContain(NOVA_BODY.slice(0, 40));
    await house.reload('');
    expect(await house.registry.metrics()).not.toContain('hallmark_vendordata_target_breaker{');
  });
});

test('a stop finishes what is under way', async () => {
  await open(listed({ cmdb: target.url }));
  target.answer({ json: 'late', delayMs: 500 });
  const pending = house.document();
  await waitFor('the request', () => target.requests.length === 1);
  await house.running[Symbol.asyncDispose]();
  expect(await pending).toMatchObject({ cmdb: { json: '"late"', source: 'fresh' } });
});
