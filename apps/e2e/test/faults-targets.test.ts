import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  startFakeKeystone,
  startFakeTarget,
  waitFor,
  type FakeKeystone,
  type FakeTarget,
  type FakeTargetAnswer,
} from '@hallmark/testing';
import { House, keystoneConfig, novaBody, type Answer } from './house.ts';

jest.setTimeout(120_000);

/** Names after the policy that each target has. */
const POLICIES = ['omit', 'stale', 'fatal'] as const;
type Policy = (typeof POLICIES)[number];

/** The fault, and the word that the answer and the log have for it. */
const FAULTS: readonly (readonly [name: string, answer: FakeTargetAnswer, reason: string])[] = [
  ['hangs', { fault: 'hang' }, 'TIMEOUT'],
  ['hangs in the middle of its body', { fault: 'hang-in-body' }, 'TIMEOUT'],
  ['resets the connection', { fault: 'reset' }, 'RESET'],
  ['resets it in the middle of its body', { fault: 'reset-in-body' }, 'RESET'],
  ['sends bytes that are no HTTP', { fault: 'garbage' }, 'RESET'],
  ['sends text that is no JSON', { body: '<html>Oops</html>' }, 'NOT_JSON'],
  ['sends 10 MiB', { fault: 'huge' }, 'TOO_LARGE'],
  ['sends less than it announced', { fault: 'too-short', json: { a: 1 } }, 'TRUNCATED'],
  ['drips', { fault: 'slow-drip', json: { a: 'slow' }, dripMs: 150 }, 'TIMEOUT'],
  ['answers 500', { status: 500, body: 'secret stack trace' }, 'STATUS'],
];

describe('a target that misbehaves', () => {
  let keystone: FakeKeystone;
  let steady: FakeTarget;
  let elsewhere: FakeTarget;
  let house: House;
  let token: string;
  const targets = new Map<Policy, FakeTarget>();

  beforeAll(async () => {
    keystone = await startFakeKeystone();
    steady = await startFakeTarget({ json: { steady: true } });
    elsewhere = await startFakeTarget({ json: { stolen: true } });
    for (const policy of POLICIES) targets.set(policy, await startFakeTarget({ json: { good: policy } }));
    const sections = [...targets].map(
      // A breaker would answer in place of the fault that a test is about.
      ([policy, { url }]) => `[vendordata_target:${policy}]
url = ${url}
failure = ${policy}
total_timeout = 1
breaker_failures = 1000
`,
    );
    house = await House.start({
      config: [
        keystoneConfig(keystone.url, 'hallmark-secret'),
        `[vendordata_target:steady]\nurl = ${steady.url}\n`,
        ...sections,
      ].join('\n'),
    });
    token = keystone.issue({ user: 'nova' });
  });

  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    for (const server of [...targets.values(), steady, elsewhere, keystone])
      await server[Symbol.asyncDispose]();
  });

  const targetOf = (policy: Policy): FakeTarget => {
    const target = targets.get(policy);
    if (!target) throw new Error(`No target ${policy}.`);
    return target;
  };

  /** Each target once well, so that there is a last good answer; then `policy`'s goes wrong. */
  async function askWhile(policy: Policy, fault: FakeTargetAnswer): Promise<Answer> {
    const body = novaBody(randomUUID());
    for (const [name, target] of targets) target.answer({ json: { good: name } });
    expect((await house.post(body, { token })).status).toBe(200);
    targetOf(policy).answer(fault);
    return house.post(body, { token });
  }

  describe.each(FAULTS)('%s', (_name, fault, reason) => {
    test('omit: {} in its place, the others’ answers whole', async () => {
      const answer = await askWhile('omit', fault);

      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toEqual({
        steady: { steady: true },
        omit: {},
        stale: { good: 'stale' },
        fatal: { good: 'fatal' },
      });
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    test('stale: its last good answer', async () => {
      const answer = await askWhile('stale', fault);

      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({ stale: { good: 'stale' }, omit: { good: 'omit' } });
      expect(answer.headers['server-timing']).toMatch(/stale;dur=[\d.]+;desc="stale"/);
    });

    test('fatal: 503 that names the target and the reason, and no secret', async () => {
      const answer = await askWhile('fatal', fault);

      expect(answer.status).toBe(503);
      const { error } = JSON.parse(answer.text) as { error: Record<string, unknown> };
      expect(error).toMatchObject({ code: 503, reason: 'VENDORDATA_TARGET_FAILED' });
      expect(error['message']).toContain('fatal');
      expect(error['message']).toContain(reason);
      expect(answer.text).not.toContain('secret stack trace');
      expect(answer.text).not.toContain(token);
    });
  });

  test('a redirect to another host is a failure, and nothing is sent there', async () => {
    const answer = await askWhile('omit', { status: 301, redirectTo: elsewhere.url });

    expect(JSON.parse(answer.text)).toMatchObject({ omit: {} });
    expect(elsewhere.requests).toEqual([]);
    expect(elsewhere.connections).toBe(0);
  });

  test('a hanging target costs the others nothing but the wait', async () => {
    const answer = await askWhile('omit', { fault: 'hang' });
    const durations = new Map(
      [...String(answer.headers['server-timing']).matchAll(/(\w+);dur=([\d.]+)/g)].map(
        ([, name, ms]) => [name, Number(ms)] as const,
      ),
    );

    expect(durations.get('steady')).toBeLessThan(durations.get('omit') ?? 0);
    expect(durations.get('omit')).toBeLessThan(4_000);
  });

  test('a flapping target: each answer is either its own or {}, none is lost', async () => {
    const target = targetOf('omit');
    for (let round = 0; round < 40; round++) {
      const well = round % 2 === 0;
      target.answer(well ? { json: { round } } : { fault: 'reset' });
      const answer = await house.post(novaBody(randomUUID()), { token });

      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({ omit: well ? { round } : {} });
    }
  });
});

describe('the breaker', () => {
  test('leaves a dead target alone, asks again after a while, and is seen in the metrics', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ status: 503 });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:flaky]
url = ${target.url}
breaker_failures = 3
breaker_reset = 1
`,
    });
    const token = keystone.issue({ user: 'nova' });
    const ask = async (): Promise<unknown> =>
      JSON.parse((await house.post(novaBody(randomUUID()), { token })).text);

    for (let i = 0; i < 20; i++) expect(await ask()).toEqual({ flaky: {} });
    expect(target.requests.length).toBe(3);
    const breaker = 'hallmark_vendordata_target_breaker{target="flaky"}';
    expect(await house.metric(house.one('vendordata'), breaker)).toBe(2);

    target.answer({ json: { back: true } });
    await waitFor('the target to be asked again', async () => {
      const answer = (await ask()) as { flaky: { back?: boolean } };
      return answer.flaky.back;
    });
    expect(await house.metric(house.one('vendordata'), breaker)).toBe(0);
  });

  test('Retry-After of a target is waited for', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ status: 429, headers: { 'Retry-After': '2' } });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:busy]
url = ${target.url}
failure = fatal
`,
    });
    const token = keystone.issue({ user: 'nova' });
    const ask = (): Promise<Answer> => house.post(novaBody(randomUUID()), { token });

    const first = await ask();
    target.answer({ json: {} });
    const second = await ask();

    expect([first.status, second.status]).toEqual([503, 503]);
    expect(Number(second.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(target.requests.length).toBe(1);
    await waitFor('the target to be asked again', async () => (await ask()).status === 200);
  });
});
