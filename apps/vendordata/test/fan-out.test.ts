import { afterEach, describe, expect, test } from '@jest/globals';
import { startFakeTarget, waitFor, type FakeTarget, type FakeTargetAnswer } from '@hallmark/testing';
import { House, instanceNumber, listed, NOVA_BODY, openHouse, PROJECT } from './house.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function target(answer: FakeTargetAnswer = {}): Promise<FakeTarget> {
  const started = await startFakeTarget(answer);
  opened.push(started);
  return started;
}

async function house(ini: string): Promise<House> {
  const started = await openHouse(ini);
  opened.push(started);
  return started;
}

const section = (name: string, options: string): string => `[vendordata_target:${name}]\n${options}\n`;

describe('all targets', () => {
  test('are asked at once and contribute in configured order', async () => {
    const names = Array.from({ length: 12 }, (_, number) => `t${number}`);
    const targets = await Promise.all(
      names.map((_name, number) => target({ json: number, delayMs: 1_500 - number * 10 })),
    );
    const { resolve, document } = await boundHouse(listed(urls(names, targets)));
    const pending = document();
    await waitFor('all targets to be asked', () => targets.every(({ inFlight }) => inFlight === 1));
    const parts = await pending;
    expect(Object.entries(parts).map(([name, { json }]) => [name, json])).toEqual(
      names.map((name, number) => [name, String(number)]),
    );
    expect((await resolve({ target: 't3' })).contributions.map(({ name }) => name)).toEqual(['t3']);
    expect(targets.map(({ requests }) => requests.length)).toEqual(
      names.map((name) => (name === 't3' ? 2 : 1)),
    );
  });

  test('may be none', async () => {
    const { resolve } = await boundHouse('');
    expect(await resolve()).toMatchObject({ contributions: [], reuse: { ttl: { seconds: 0, nanos: 0 } } });
  });

  test('that are slow cost the others nothing but the common deadline', async () => {
    const slow = await target({ fault: 'hang' });
    const quick = await target({ json: 'quick' });
    const { document } = await boundHouse(
      listed({ slow: slow.url, quick: quick.url }) + '[vendordata]\nresolve_timeout = 0.4\n',
    );
    const startedAt = performance.now();
    expect(await document()).toEqual({
      slow: { json: '{}', source: 'omitted', failure: 'TIMEOUT' },
      quick: { json: '"quick"', source: 'fresh', failure: '' },
    });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await waitFor('the slow target to be given up', () => slow.abandoned === 1);
  });

  test('have no more time than the caller', async () => {
    const slow = await target({ fault: 'hang' });
    const { document } = await boundHouse(
      `${listed({ slow: slow.url })}vendordata_dynamic_read_timeout = 30\n`,
    );
    // Whether the answer still arrives in time is a matter of a tenth of a second.
    const [pending] = await Promise.allSettled([document({ timeoutMs: 2_000 })]);
    if (pending.status === 'fulfilled') expect(pending.value).toMatchObject({ slow: { failure: 'TIMEOUT' } });
    await waitFor('the target to be given up', () => slow.abandoned === 1, 5_000);
  });

  test('are given up when the caller hangs up', async () => {
    const slow = await target({ fault: 'hang' });
    const { resolve } = await boundHouse(listed({ slow: slow.url }));
    const caller = new AbortController();
    const call = resolve({ signal: caller.signal });
    await waitFor('the request to arrive', () => slow.requests.length === 1);
    caller.abort();
    await expect(call).rejects.toThrow();
    await waitFor('the target to be given up', () => slow.abandoned === 1);
  });
});

describe('a failing target', () => {
  test('contributes {} under omit', async () => {
    const broken = await target({ status: 500 });
    const good = await target({ json: 1 });
    const { document } = await boundHouse(listed({ broken: broken.url, good: good.url }));
    expect(await document()).toMatchObject({
      broken: { json: '{}', source: 'omitted', failure: 'STATUS' },
      good: { json: '1', source: 'fresh' },
    });
  });

  test('leaves no document under fatal, at once, and nobody waits for the others', async () => {
    const broken = await target();
    const slow = await target({ fault: 'hang' });
    const { resolve } = await boundHouse(
      `${listed({ slow: slow.url, broken: broken.url })}vendordata_dynamic_read_timeout = 30\n` +
        section('broken', 'failure = fatal'),
    );
    broken.answer({ status: 503, headers: { 'Retry-After': '7' }, delayMs: 300 });
    await expect(resolve()).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'VENDORDATA_TARGET_FAILED',
      message: 'Target "broken" failed (STATUS): The target answered with status 503.',
      retryAfterSeconds: 7,
    });
    expect(slow.requests).toHaveLength(1);
    await waitFor('the other target to be given up', () => slow.abandoned === 1, 10_000);
  });

  test('takes its policy from Nova where it has none of its own', async () => {
    const broken = await target({ body: 'oops' });
    const { resolve } = await boundHouse(
      listed({ broken: broken.url }) + 'vendordata_dynamic_failure_fatal = true\n',
    );
    await expect(resolve()).rejects.toMatchObject({ reason: 'VENDORDATA_TARGET_FAILED' });
  });

  test('gives its last good answer under stale, and {} where there is none', async () => {
    const flapping = await target({ json: 'good', cacheControl: 'max-age=0' });
    const { document, resolve } = await boundHouse(
      listed({ flapping: flapping.url }) + section('flapping', 'failure = stale'),
    );
    expect(await document()).toMatchObject({ flapping: { json: '"good"', source: 'fresh' } });
    flapping.answer({ status: 500 });
    const { contributions, reuse } = await resolve();
    expect(contributions[0]).toMatchObject({ failureReason: 'STATUS', json: Buffer.from('"good"') });
    expect(reuse?.ttl).toEqual({ seconds: 0, nanos: 0 });
    expect(await document({ instance: instanceNumber(2) })).toMatchObject({
      flapping: { json: '{}', source: 'omitted', failure: 'STATUS' },
    });
  });

  test('is stale also when it outlasts the common deadline', async () => {
    const slow = await target({ json: 'good', cacheControl: 'max-age=0' });
    const { document } = await boundHouse(
      listed({ slow: slow.url }) +
        section('slow', 'failure = stale') +
        '[vendordata]\nresolve_timeout = 0.3\n',
    );
    await document();
    slow.answer({ fault: 'hang' });
    expect(await document()).toEqual({ slow: { json: '"good"', source: 'stale', failure: 'TIMEOUT' } });
  });
});

describe('projects', () => {
  const other = NOVA_BODY.replace(PROJECT, 'a0000000-0000-4000-8000-000000000001');

  test('decide which targets are asked at all', async () => {
    const [only, except, all] = [await target(), await target(), await target()];
    const { document } = await boundHouse(
      listed({ only: only.url, except: except.url, all: all.url }) +
        section('only', `projects = ${PROJECT}`) +
        section('except', `exclude_projects = ${PROJECT.toUpperCase()}`),
    );
    expect(Object.keys(await document())).toEqual(['only', 'all']);
    expect(Object.keys(await document({ instance: other }))).toEqual(['except', 'all']);
    expect([only, except, all].map(({ requests }) => requests.length)).toEqual([1, 1, 2]);
    expect(await document({ instance: other, target: 'only' })).toEqual({});
  });
});

describe('an answer of the whole', () => {
  test('may be reused as long as its least fresh part, and is as old as its oldest', async () => {
    const long = await target({ cacheControl: 'max-age=60', headers: { Age: '20' } });
    const longer = await target({ cacheControl: 'max-age=600' });
    const { resolve } = await boundHouse(listed({ long: long.url, longer: longer.url }));
    const { reuse, instanceId, contributions } = await resolve();
    expect(reuse?.ttl?.seconds).toBeGreaterThanOrEqual(39);
    expect(reuse?.ttl?.seconds).toBeLessThanOrEqual(40);
    expect(reuse?.age?.seconds).toBe(20);
    expect(reuse?.version).toBeGreaterThan(0);
    expect(instanceId).toBe('c816c437-3a39-4e0f-bfc6-4bc0e64238b2');
    expect(contributions[1]?.ttl?.seconds).toBeGreaterThanOrEqual(599);
    expect((await resolve()).contributions.map(({ source }) => source)).toEqual([2, 2]);
  });

  test('may not be reused when one part may not', async () => {
    const kept = await target({ cacheControl: 'max-age=60' });
    const fleeting = await target({});
    const { resolve } = await boundHouse(listed({ kept: kept.url, fleeting: fleeting.url }));
    expect((await resolve()).reuse?.ttl).toEqual({ seconds: 0, nanos: 0 });
  });

  test('is shared by identical requests in flight, and by no others', async () => {
    const slow = await target({ json: 1, delayMs: 1_500 });
    const { resolve } = await boundHouse(listed({ slow: slow.url }));
    await Promise.all([
      ...Array.from({ length: 50 }, () => resolve()),
      resolve({ instance: instanceNumber(2) }),
    ]);
    expect(slow.requests).toHaveLength(2);
  });
});

describe('what cannot be answered', () => {
  test('is told with its reason', async () => {
    const { resolve } = await boundHouse('');
    await expect(resolve({ target: 'nobody' })).rejects.toMatchObject({
      code: 'not-found',
      reason: 'TARGET_UNKNOWN',
      message: 'No target is named "nobody".',
    });
    await expect(resolve({ instance: '{}' })).rejects.toMatchObject({
      code: 'invalid',
      reason: 'INSTANCE_INVALID',
      message: expect.stringContaining('project-id is missing; instance-id is missing'),
    });
    await expect(resolve({ target: 'cloud-init' })).rejects.toMatchObject({ reason: 'TARGET_UNKNOWN' });
  });
});

describe('with compose_cloud_init', () => {
  const composing = '[vendordata]\ncompose_cloud_init = true\n';

  test('the parts of all targets are one array, in place of the entry of that name', async () => {
    const cmdb = await target({
      json: { site: 1, 'cloud-init': '#cloud-config\n' },
      cacheControl: 'max-age=60',
    });
    const own = await target({ json: ['#!/bin/sh\n'], cacheControl: 'max-age=30' });
    const plain = await target({ json: { a: 1 }, cacheControl: 'max-age=90' });
    const { document, resolve } = await boundHouse(
      listed({ cmdb: cmdb.url, 'cloud-init': own.url, plain: plain.url }) + composing,
    );
    const parts = await document();
    expect(Object.keys(parts)).toEqual(['cmdb', 'plain', 'cloud-init']);
    expect(parts['cloud-init']).toEqual({
      json: '["#cloud-config\\n","#!/bin/sh\\n"]',
      source: 'composed',
      failure: '',
    });
    const alone = await resolve({ target: 'cloud-init' });
    expect(alone.contributions).toHaveLength(1);
    expect(alone.contributions[0]?.json.toString()).toBe('["#cloud-config\\n","#!/bin/sh\\n"]');
    expect(alone.contributions[0]?.ttl?.seconds).toBeLessThanOrEqual(30);
    expect(alone.reuse?.ttl?.seconds).toBeGreaterThanOrEqual(28);
  });

  test('there is no entry when there is no part, and an empty array for who asks for it', async () => {
    const plain = await target({ json: { a: 1 } });
    const own = await target({ status: 500 });
    const { document } = await boundHouse(listed({ plain: plain.url, 'cloud-init': own.url }) + composing);
    expect(Object.keys(await document())).toEqual(['plain']);
    expect(await document({ target: 'cloud-init' })).toMatchObject({ 'cloud-init': { json: '[]' } });
    expect(Object.keys(await document({ target: 'plain' }))).toEqual(['plain']);
  });

  test('the failure of a fatal target leaves no composition either', async () => {
    const broken = await target({ status: 500 });
    const { resolve } = await boundHouse(
      listed({ broken: broken.url }) + composing + section('broken', 'failure = fatal'),
    );
    await expect(resolve({ target: 'cloud-init' })).rejects.toMatchObject({
      reason: 'VENDORDATA_TARGET_FAILED',
    });
  });
});

async function boundHouse(ini: string): Promise<Pick<House, 'resolve' | 'document'>> {
  const started = await house(ini);
  return {
    resolve: (options) => started.resolve(options),
    document: (options) => started.document(options),
  };
}

function urls(names: readonly string[], targets: readonly FakeTarget[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, targets[index]?.url ?? '']));
}
