import { describe, expect, test } from '@jest/globals';
import { startBroken, startInventory, startSlow } from '../src/index.ts';

const INSTANCE = {
  'project-id': '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90',
  'instance-id': '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d',
  'image-id': '',
  'user-data': null,
  hostname: 'mail-1',
  metadata: { role: 'mail' },
  'boot-roles': 'member,mail-operator',
};

function post(url: string, headers: Record<string, string> = {}, body: object | string = INSTANCE) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-auth-token': 'a-token', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('inventory', () => {
  test('gives the same answer each time and says for how long it holds', async () => {
    await using target = await startInventory();
    const first = await post(target.url);
    const second = await post(target.url);

    expect(first.status).toBe(200);
    expect(first.headers.get('cache-control')).toBe('max-age=300');
    const answer = await first.text();
    expect(JSON.parse(answer)).toEqual({
      asset: 'HM-2ae914e9',
      rack: expect.stringMatching(/^r\d+$/),
      'cost-centre': '6f0b5d0c',
      'booted-as': ['member', 'mail-operator'],
    });
    expect(await second.text()).toBe(answer);
  });

  test('answers 304 to a caller that has this version, and in full to one that has another', async () => {
    await using target = await startInventory();
    const etag = (await post(target.url)).headers.get('etag') ?? '';

    const same = await post(target.url, { 'if-none-match': `"older", W/${etag}` });
    expect(same.status).toBe(304);
    expect(same.headers.get('cache-control')).toBe('max-age=300');
    expect(await same.text()).toBe('');

    expect((await post(target.url, { 'if-none-match': '"older"' })).status).toBe(200);
  });

  test('an instance without roles has none', async () => {
    await using target = await startInventory();
    const answer = await post(target.url, {}, { ...INSTANCE, 'boot-roles': '' });
    expect(await answer.json()).toMatchObject({ 'booted-as': [] });
  });

  test('takes any key that a user may choose', async () => {
    await using target = await startInventory();
    const body = JSON.stringify(INSTANCE).replace('"role":', '"__proto__":"x","constructor":"y","role":');
    expect((await post(target.url, {}, body)).status).toBe(200);
  });

  test('refuses a description with a missing or mistyped key', async () => {
    await using target = await startInventory();
    const missing = await post(target.url, {}, { ...INSTANCE, hostname: undefined });
    expect(missing.status).toBe(400);
    expect(await missing.text()).toContain('hostname');
    expect((await post(target.url, {}, { ...INSTANCE, hostname: 7 })).status).toBe(400);
  });
});

describe('slow', () => {
  test('takes its time, then may be reused for half a minute', async () => {
    await using target = await startSlow();
    const begun = performance.now();
    const answer = await post(target.url);

    expect(performance.now() - begun).toBeGreaterThan(390);
    expect(answer.headers.get('cache-control')).toBe('max-age=30');
    expect(await answer.json()).toEqual({ licence: expect.stringMatching(/^LIC-[0-9A-F]{4}-[0-9A-F]{4}$/) });
  });
});

describe('broken', () => {
  test('fails at once and says when to come back', async () => {
    await using target = await startBroken();
    const answer = await post(target.url);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
  });
});

describe.each([
  ['inventory', startInventory],
  ['slow', startSlow],
  ['broken', startBroken],
])('%s', (_name, start) => {
  test.each([[{ 'x-auth-token': '' }], [{}]])('turns away a caller without a token (%j)', async (headers) => {
    await using target = await start();
    const answer = await fetch(target.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(INSTANCE),
    });
    expect(answer.status).toBe(401);
  });
});
