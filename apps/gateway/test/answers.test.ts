import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { invalid, notFound, timeout, unavailable } from '@hallmark/errors';
import { duration } from './fake-identity.ts';
import { aPart } from './fake-vendordata.ts';
import { aBody, House } from './house.ts';

jest.setTimeout(30_000);

const { Contribution_Source: Source } = vendordata;

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(async () => house[Symbol.asyncDispose]());
beforeEach(() => {
  house.vendordata.failure = undefined;
  house.vendordata.ttlMs = 0;
  house.vendordata.ageMs = 0;
  house.vendordata.asked.length = 0;
});

describe('POST /vendordata', () => {
  test('answers with what every target said, as it said it', async () => {
    house.vendordata.parts = [
      aPart('rack', '{"id": 12345678901234567890, "ratio": 1.0}'),
      aPart('cloud-init', '"#cloud-config\\n"'),
      aPart('empty', '{}'),
    ];
    const { status, headers, body } = await house.post();
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
    expect(body).toBe(
      '{"rack": {"id": 12345678901234567890, "ratio": 1.0}, "cloud-init": "#cloud-config\\n", "empty": {}}',
    );
  });

  test('is {} when no target was asked', async () => {
    house.vendordata.parts = [];
    expect((await house.post()).body).toBe('{}');
  });

  test('sends on the body byte for byte', async () => {
    const body = Buffer.from('{"metadata": {"__proto__": "x", "größe": "1.0"},  "instance-id" :"i"}\n');
    await house.post({ body });
    expect(house.vendordata.asked[0]?.request.instanceJson.equals(body)).toBe(true);
    expect(house.vendordata.asked[0]?.request.target).toBe('');
  });

  test('sends on a body that comes in many pieces', async () => {
    const body = aBody({ 'user-data': 'IyEv'.repeat(100_000) });
    await house.post({ body });
    expect(house.vendordata.asked[0]?.request.instanceJson.toString()).toBe(body);
  });

  test.each(['__proto__', 'constructor', 'toString', 'a "b"', 'größe', 'a/b'])(
    'takes the target %j for a name like any other',
    async (name) => {
      house.vendordata.parts = [aPart(name, '{"__proto__": 1}')];
      const { body } = await house.post();
      expect(body).toBe(`{${JSON.stringify(name)}: {"__proto__": 1}}`);
    },
  );

  test('may be written with a slash at the end, and a query that means nothing', async () => {
    house.vendordata.parts = [aPart('rack', '1')];
    expect((await house.post({ path: '/vendordata/' })).body).toBe('{"rack": 1}');
    expect((await house.post({ path: '/vendordata?x=1' })).body).toBe('{"rack": 1}');
  });

  test('leaves vendordata a little less time than Nova waits', async () => {
    await house.post();
    const [{ remainingMs } = { remainingMs: 0 }] = house.vendordata.asked;
    expect(remainingMs).toBeGreaterThan(4_000);
    expect(remainingMs).toBeLessThanOrEqual(4_750);
  });
});

describe('POST /vendordata/NAME', () => {
  test.each([
    ['rack', '/vendordata/rack'],
    ['a b', '/vendordata/a%20b'],
    ['a/b', '/vendordata/a%2Fb'],
    ['100%', '/vendordata/100%25'],
    ['a%20b', '/vendordata/a%2520b'],
    ['größe', '/vendordata/gr%C3%B6%C3%9Fe'],
    ['__proto__', '/vendordata/__proto__'],
    ['n'.repeat(2_000), `/vendordata/${'n'.repeat(2_000)}`],
  ])('asks %j alone and answers with its bytes', async (name, path) => {
    house.vendordata.parts = [aPart('other', '1'), aPart(name, '[1.0, "x"]')];
    const { status, body } = await house.post({ path });
    expect([status, body]).toEqual([200, '[1.0, "x"]']);
    expect(house.vendordata.asked[0]?.request.target).toBe(name);
  });

  test('is {} when the target is not asked for this project', async () => {
    house.vendordata.parts = [aPart('other', '1')];
    expect((await house.post({ path: '/vendordata/rack' })).body).toBe('{}');
  });
});

describe('what is told about an answer', () => {
  test('is that it must not be stored, when it must not be reused', async () => {
    const { headers } = await house.post();
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['age']).toBeUndefined();
  });

  test('is how long its least fresh part may be reused', async () => {
    house.vendordata.ttlMs = 40_500;
    house.vendordata.ageMs = 19_500;
    const { headers } = await house.post({ body: aBody({ hostname: 'least-fresh' }) });
    expect(headers['cache-control']).toBe('max-age=60');
    expect(headers['age']).toBe('20');
  });

  test('is how long each target took and where its part came from', async () => {
    house.vendordata.parts = [
      aPart('rack', '{}', { elapsed: duration(12.34) }),
      aPart('cmdb', '{}', { source: Source.CACHED, elapsed: duration(0.2) }),
      aPart('old one', '{}', { source: Source.STALE, elapsed: duration(5_000) }),
      aPart('gone', '{}', { source: Source.OMITTED, elapsed: duration(5_001) }),
      aPart('twin', '{}', { source: Source.SHARED, elapsed: duration(3) }),
      aPart('cloud-init', '[]', { source: Source.COMPOSED, elapsed: undefined }),
    ];
    const { headers } = await house.post();
    const [gateway, ...targets] = String(headers['server-timing']).split(', ');
    expect(gateway).toMatch(/^gateway;dur=\d+\.\d;desc="miss"$/);
    expect(targets).toEqual([
      'rack;dur=12.3;desc="fresh"',
      'cmdb;dur=0.2;desc="cached"',
      'old%20one;dur=5000.0;desc="stale"',
      'gone;dur=5001.0;desc="omitted"',
      'twin;dur=3.0;desc="shared"',
      'cloud-init;dur=0.0;desc="composed"',
    ]);
  });
});

describe('when vendordata fails', () => {
  const failed = async (failure: Error) => {
    house.vendordata.failure = failure;
    const { status, headers, body } = await house.post();
    return { status, headers, error: (JSON.parse(body) as { error: Record<string, unknown> }).error };
  };

  test('a fatal target is named, with when to come back', async () => {
    const { status, headers, error } = await failed(
      unavailable('VENDORDATA_TARGET_FAILED', 'Target rack gave no answer: TIMEOUT.', {
        retryAfterSeconds: 17,
      }),
    );
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('17');
    expect(headers['cache-control']).toBeUndefined();
    expect(error).toEqual({
      code: 503,
      title: 'Service Unavailable',
      message: 'Target rack gave no answer: TIMEOUT.',
      reason: 'VENDORDATA_TARGET_FAILED',
    });
  });

  test('a fault in the body is named', async () => {
    const { status, error } = await failed(invalid('INSTANCE_INVALID', 'instance-id is no UUID.'));
    expect(status).toBe(400);
    expect(error).toMatchObject({ reason: 'INSTANCE_INVALID', message: 'instance-id is no UUID.' });
  });

  test('an unknown target is not found', async () => {
    const { status, error } = await failed(notFound('TARGET_UNKNOWN', 'No target is called x.'));
    expect(status).toBe(404);
    expect(error).toMatchObject({ reason: 'TARGET_UNKNOWN' });
  });

  test('a time-out is a time-out', async () => {
    expect((await failed(timeout('NO_TIME_LEFT', 'Too late.'))).status).toBe(504);
  });

  test('a bug says nothing about itself', async () => {
    const { status, error } = await failed(new Error('the secret is hunter2'));
    expect(status).toBe(500);
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(house.requests.at(-1)).toMatchObject({ status: 500, level: 'error' });
  });

  test('the next request is asked anew', async () => {
    await failed(unavailable('VENDORDATA_TARGET_FAILED', 'Target rack gave no answer.'));
    house.vendordata.failure = undefined;
    expect((await house.post()).status).toBe(200);
  });
});

describe('request ids', () => {
  const REQUEST_ID = /^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const given = 'req-1c5a6a9c-3a4e-4a0c-9f3d-0c2d6f6f9a11';

  test('a given one leads through answer, log and services', async () => {
    const { headers } = await house.post({ headers: { 'x-openstack-request-id': given }, token: 'unknown' });
    await house.post({ headers: { 'X-OpenStack-Request-ID': given } });
    expect(headers['x-openstack-request-id']).toBe(given);
    expect(house.identity.asked.at(-1)?.requestId).toBe(given);
    expect(house.vendordata.asked.at(-1)?.call.requestId).toBe(given);
    expect(house.requests.at(-1)).toMatchObject({ requestId: given });
  });

  test.each(['', 'req-1', '../../etc', `${given}, ${given}`, given.toUpperCase(), `${given}\tx`])(
    'what is none, %j, is replaced',
    async (text) => {
      const { headers } = await house.post({ headers: { 'x-openstack-request-id': text } });
      expect(headers['x-openstack-request-id']).toMatch(REQUEST_ID);
      expect(headers['x-openstack-request-id']).not.toBe(given);
    },
  );

  test('each request without one gets its own', async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(async () => (await house.post()).headers['x-openstack-request-id']),
    );
    expect(new Set(ids).size).toBe(3);
  });
});

describe('what is seen of a request', () => {
  test('is one line, without tokens and bodies', async () => {
    house.vendordata.parts = [aPart('rack', '"the answer"', { failureReason: 'TIMEOUT' })];
    const before = house.lines.length;
    const body = aBody({ hostname: 'seen', 'user-data': 'aHVudGVyMg==' });
    await house.post({ body, path: '/vendordata?token=hunter2' });
    const lines = house.lines.slice(before);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      method: 'POST',
      path: '/vendordata',
      status: 200,
      userId: 'nova-id',
      projectId: 'service-project',
      answer: 'miss',
      parts: [{ name: 'rack', source: 'fresh', elapsedMs: 12.3, failure: 'TIMEOUT' }],
      requestBytes: body.length,
      bytes: '{"rack": "the answer"}'.length,
    });
    expect(lines[0]).not.toMatch(/hunter2|aHVudGVyMg|the answer|gAAAAAB/);
  });

  test('is a count by route, method and status', async () => {
    const series = (route: string, method: string, status: number) =>
      `hallmark_gateway_requests_total{route="${route}",method="${method}",status="${status}"}`;
    const ok = await house.metric(series('/vendordata/:name', 'POST', 200));
    const refused = await house.metric(series('none', 'PUT', 405));
    await house.post({ path: '/vendordata/rack' });
    await house.post({ path: '/vendordata/rack', method: 'PUT' });
    expect(await house.metric(series('/vendordata/:name', 'POST', 200))).toBe(ok + 1);
    expect(await house.metric(series('none', 'PUT', 405))).toBe(refused + 1);
    expect(
      await house.metric('hallmark_gateway_request_seconds_count{route="/vendordata/:name"}'),
    ).toBeGreaterThan(0);
    expect(await house.metric('hallmark_gateway_body_bytes_total{direction="sent"}')).toBeGreaterThan(0);
  });
});
