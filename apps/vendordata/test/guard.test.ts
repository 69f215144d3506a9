import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { startFakeTarget, waitFor, type FakeTarget } from '@hallmark/testing';
import { instanceNumber, listed, openHouse, type House } from './house.ts';

const { OPEN, CLOSED } = vendordata.Target_Breaker;

let target: FakeTarget;
let house: House;
let nextInstance = 1;

beforeEach(async () => {
  target = await startFakeTarget({ json: 'ok' });
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

const open = async (options: string): Promise<void> => {
  house = await openHouse(`${listed({ cmdb: target.url })}[vendordata_target:cmdb]\n${options}\n`);
};

/** Asks about an instance nobody asked about before; gives the failure, or `ok`. */
async function ask(): Promise<string> {
  const parts = await house.document({ instance: instanceNumber(nextInstance++) });
  return parts['cmdb']?.failure || 'ok';
}

async function askTimes(times: number): Promise<string[]> {
  const outcomes: string[] = [];
  for (let left = times; left > 0; left--) outcomes.push(await ask());
  return outcomes;
}

describe('the breaker', () => {
  test('opens after failures in a row, and the target is left alone', async () => {
    await open('breaker_failures = 3\nbreaker_reset = 30');
    target.answer({ status: 500 });
    expect(await askTimes(5)).toEqual(['STATUS', 'STATUS', 'STATUS', 'BREAKER_OPEN', 'BREAKER_OPEN']);
    expect(target.requests).toHaveLength(3);

    const { breaker, retryTime, calls, failures, lastFailure } = await house.target('cmdb');
    expect({ breaker, calls, failures, reason: lastFailure?.reason }).toEqual({
      breaker: OPEN,
      calls: 3,
      failures: 3,
      reason: 'STATUS',
    });
    expect(Number(retryTime) - Date.now()).toBeGreaterThan(20_000);
  });

  test('does not open when good answers come in between', async () => {
    await open('breaker_failures = 2\nbreaker_reset = 30');
    for (const status of [500, 200, 500, 200, 500]) target.answerNext({ status });
    expect(await askTimes(6)).toEqual(['STATUS', 'ok', 'STATUS', 'ok', 'STATUS', 'ok']);
  });

  test.each([
    ['404', { status: 404 }],
    ['403', { status: 403 }],
    ['no JSON', { body: 'oops' }],
    ['a redirect', { redirectTo: 'http://elsewhere.invalid/' }],
  ])('does not open for what the target says about one instance: %s', async (_what, answer) => {
    await open('breaker_failures = 2\nbreaker_reset = 30');
    target.answer(answer);
    await askTimes(4);
    expect(target.requests).toHaveLength(4);
  });

  test.each([
    ['429', { status: 429 }],
    ['a reset', { fault: 'reset' }],
    ['silence', { fault: 'hang' }],
    ['a body that ends early', { fault: 'too-short' }],
  ] as const)('opens for %s', async (_what, answer) => {
    await open('breaker_failures = 2\nbreaker_reset = 30\nread_timeout = 0.2');
    target.answer(answer);
    expect((await askTimes(3))[2]).toBe('BREAKER_OPEN');
    expect(target.requests).toHaveLength(2);
  });

  test('opens for a target that outlasts the common deadline again and again', async () => {
    house = await openHouse(
      `${listed({ cmdb: target.url })}[vendordata_target:cmdb]\nbreaker_failures = 2\n[vendordata]\nresolve_timeout = 0.3\n`,
    );
    target.answer({ fault: 'hang' });
    expect(await askTimes(3)).toEqual(['TIMEOUT', 'TIMEOUT', 'BREAKER_OPEN']);
  });

  test('does not open for callers in a hurry, nor for those that leave', async () => {
    await open(
      'breaker_failures = 2\nbreaker_reset = 30\nread_timeout = 60\n[vendordata]\nresolve_timeout = 60',
    );
    target.answer({ delayMs: 2_000, json: 1 });
    for (let round = 0; round < 3; round++) {
      const caller = new AbortController();
      const call = house.resolve({ instance: instanceNumber(nextInstance++), signal: caller.signal });
      await waitFor('the request', () => target.requests.length === round + 1);
      caller.abort();
      await expect(call).rejects.toThrow();
    }
    for (let round = 0; round < 3; round++) {
      const hasty = house.document({ instance: instanceNumber(nextInstance++), timeoutMs: 1_000 });
      await Promise.allSettled([hasty]);
    }
    await waitFor('all to be given up', () => target.abandoned === target.requests.length);
    expect(await ask()).toBe('ok');
  });

  test('lets one request through for trial, and closes when it goes well', async () => {
    await open('breaker_failures = 1\nbreaker_reset = 3');
    target.answerNext({ status: 500 });
    expect(await askTimes(2)).toEqual(['STATUS', 'BREAKER_OPEN']);
    await waitFor('the breaker to allow a trial', async () => !(await house.target('cmdb')).retryTime);

    target.answer({ json: 'ok', delayMs: 1_500 });
    const outcomes = await Promise.all(Array.from({ length: 10 }, ask));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'BREAKER_OPEN')).toHaveLength(9);
    expect(target.requests).toHaveLength(2);
    expect((await house.target('cmdb')).breaker).toBe(CLOSED);
    expect(await ask()).toBe('ok');
  });

  test('opens again when the trial fails, or its caller leaves', async () => {
    await open('breaker_failures = 1\nbreaker_reset = 2');
    target.answer({ status: 500 });
    await ask();
    const untilTrial = async (): Promise<unknown> =>
      waitFor('the breaker to allow a trial', async () => !(await house.target('cmdb')).retryTime);
    await untilTrial();
    expect(await askTimes(2)).toEqual(['STATUS', 'BREAKER_OPEN']);

    await untilTrial();
    target.answer({ fault: 'hang' });
    const caller = new AbortController();
    const call = house.resolve({ instance: instanceNumber(nextInstance++), signal: caller.signal });
    await waitFor('the trial', () => target.requests.length === 3);
    caller.abort();
    await expect(call).rejects.toThrow();
    await waitFor('the breaker to open', async () => (await house.target('cmdb')).breaker === OPEN);
  });

  test('and flapping: every request is answered one way or the other', async () => {
    await open('breaker_failures = 2\nbreaker_reset = 0.1');
    for (let round = 0; round < 10; round++)
      target.answerNext({ status: round % 4 < 2 ? 500 : 200, json: 1 });
    const outcomes = new Set(await askTimes(60));
    expect([...outcomes].every((outcome) => ['ok', 'STATUS', 'BREAKER_OPEN'].includes(outcome))).toBe(true);
    await waitFor('the target to be used again', async () => (await ask()) === 'ok');
  });
});

describe('Retry-After', () => {
  test.each([
    ['429 with seconds', 429, '300'],
    ['503 with a date', 503, new Date(Date.now() + 300_000).toUTCString()],
  ])('is heeded: %s', async (_what, status, retryAfter) => {
    await open('failure = fatal');
    target.answerNext({ status, headers: { 'Retry-After': retryAfter } });
    await expect(house.resolve()).rejects.toMatchObject({ message: expect.stringContaining(String(status)) });
    await expect(house.resolve()).rejects.toMatchObject({
      message: expect.stringContaining('RETRY_AFTER'),
      retryAfterSeconds: expect.any(Number),
    });
    expect(target.requests).toHaveLength(1);
    expect(Number((await house.target('cmdb')).retryTime) - Date.now()).toBeGreaterThan(20_000);
  });

  test('ends when its time is over', async () => {
    await open('');
    target.answerNext({ status: 503, headers: { 'Retry-After': '3' } });
    expect(await askTimes(2)).toEqual(['STATUS', 'RETRY_AFTER']);
    await waitFor('the target to be asked again', async () => (await ask()) === 'ok');
    expect(target.requests).toHaveLength(2);
  });

  test('counts for an hour at most, and not with other errors', async () => {
    await open('');
    target.answerNext({ status: 500, headers: { 'Retry-After': '30' } });
    target.answerNext({ status: 503, headers: { 'Retry-After': '99999999' } });
    expect(await askTimes(3)).toEqual(['STATUS', 'STATUS', 'RETRY_AFTER']);
    expect(Number((await house.target('cmdb')).retryTime) - Date.now()).toBeLessThanOrEqual(3_600_000);
  });
});

describe('concurrency', () => {
  test('is bounded per target, and the rest waits its turn', async () => {
    await open('max_concurrency = 4');
    target.answer({ json: 'ok', delayMs: 300 });
    const outcomes = await Promise.all(Array.from({ length: 20 }, ask));
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
    expect(target.mostInFlight).toBe(4);
  });

  test('beyond what can wait is refused', async () => {
    house = await openHouse(
      `${listed({ cmdb: target.url })}[vendordata_target:cmdb]\nmax_concurrency = 1\n[vendordata]\nresolve_timeout = 4\n`,
    );
    target.answer({ fault: 'hang' });
    const outcomes: string[] = [];
    const asked = Array.from({ length: 12 }, async () => outcomes.push(await ask()));
    await Promise.all(asked);
    expect(outcomes).toEqual([
      ...Array.from({ length: 7 }, () => 'BUSY'),
      ...Array.from({ length: 5 }, () => 'TIMEOUT'),
    ]);
    target.answer({ json: 'ok' });
    expect(await ask()).toBe('ok');
  });
});

test('a probe passes an open breaker and a Retry-After, and moves neither', async () => {
  await open('breaker_failures = 1\nbreaker_reset = 30');
  target.answerNext({ status: 503, headers: { 'Retry-After': '30' } });
  expect(await ask()).toBe('STATUS');
  expect((await house.probe('cmdb')).json.toString()).toBe('"ok"');
  target.answer({ status: 500 });
  expect((await house.probe('cmdb')).failure?.reason).toBe('STATUS');
  expect(await ask()).toBe('RETRY_AFTER');
  expect(await house.target('cmdb')).toMatchObject({ breaker: OPEN, calls: 1, failures: 1 });
});
