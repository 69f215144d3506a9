import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { waitFor } from '@hallmark/testing';
import { BootHouse, errorOf, ID } from './boot-house.ts';
import { anInstance } from './fake-boots.ts';

jest.setTimeout(30_000);

const { InstanceStatus } = instances;

let house: BootHouse;
beforeAll(async () => {
  house = await BootHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.boots.reset();
});

const ask: BootHouse['ask'] = async (request) => house.ask(request);

describe('Prefer: wait', () => {
  test('gets 201 when the build ends in time', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'respond-async, wait=20' } });
    await house.someoneWaits();
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(201);
    expect(reply.headers['location']).toBe(`/v1/instances/${ID}`);
    expect(reply.headers['preference-applied']).toBe('wait=20');
    expect(reply.json).toMatchObject({ status: 'ACTIVE' });
  });

  test('gets 201 and the fault of a build that failed', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'wait=20' } });
    await house.someoneWaits();
    const createdAt = new Date('2026-11-01T10:00:02.000Z');
    const fault = {
      reason: 'VENDORDATA_TARGET_FAILED',
      message: 'The target ipam did not answer.',
      createdAt,
    };
    house.boots.finish(ID, { status: InstanceStatus.ERROR, fault });
    const reply = await asked;
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({
      status: 'ERROR',
      fault: {
        reason: 'VENDORDATA_TARGET_FAILED',
        message: 'The target ipam did not answer.',
        created_at: '2026-11-01T10:00:02.000Z',
      },
    });
  });

  test('gets 202 when the time is over before', async () => {
    const reply = await ask({ headers: { prefer: 'wait=0' } });
    expect(reply.status).toBe(202);
    expect(reply.headers['preference-applied']).toBe('wait=0');
    expect(reply.json).toMatchObject({ status: 'BUILD' });
  });

  test('gets 201 at once for what is built at once', async () => {
    house.boots.buildsAtOnce = true;
    const reply = await ask({ headers: { prefer: 'wait=20' } });
    expect(reply.status).toBe(201);
    expect(house.boots.calls.map(({ method }) => method)).toEqual(['create']);
  });

  test('is granted for a minute at most', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'wait=3600' } });
    await house.someoneWaits();
    house.boots.finish(ID);
    expect((await asked).headers['preference-applied']).toBe('wait=60');
  });

  test('that is cut off loses nothing of what was taken in', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'wait=20' } });
    await house.someoneWaits();
    house.boots.records.delete(ID);
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(202);
    expect(reply.json).toMatchObject({ id: ID, status: 'BUILD' });
  });

  test('that is hung up is no longer waited for', async () => {
    const leaving = new AbortController();
    const asked = ask({
      body: { id: ID, name: 'a' },
      headers: { prefer: 'wait=20' },
      signal: leaving.signal,
    });
    await house.someoneWaits();
    leaving.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await waitFor('the line', () => house.lastLine['status'] === 499);
    house.boots.finish(ID);
    expect(house.boots.records.has(ID)).toBe(true);
  });

  test('works for an instance that is being built already', async () => {
    house.boots.keep(anInstance({ id: ID, status: InstanceStatus.BUILD }));
    const asked = ask({ method: 'GET', path: `/v1/instances/${ID}`, headers: { prefer: 'wait=20' } });
    await house.someoneWaits();
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(200);
    expect(reply.headers['preference-applied']).toBe('wait=20');
    expect(reply.json).toMatchObject({ status: 'ACTIVE' });
  });
});

describe('Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'boot-1' };

  test('makes a repeat give the same instance', async () => {
    const key = { 'idempotency-key': '"repeat"' };
    const first = await ask({ headers: key });
    const again = await ask({ headers: { 'idempotency-key': 'repeat' } });
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.json['id']).toBe(first.json['id']);
    expect(house.boots.records.size).toBe(1);
  });

  test('gives the instance as it now is', async () => {
    const key = { 'idempotency-key': 'now', prefer: 'wait=0' };
    const first = await ask({ headers: key });
    house.boots.finish(String(first.json['id']));
    const again = await ask({ headers: key });
    expect(again.status).toBe(201);
    expect(again.json).toMatchObject({ id: first.json['id'], status: 'ACTIVE' });
  });

  test('is refused with another request', async () => {
    await ask({ headers, body: { name: 'a' } });
    const reply = await ask({ headers, body: { name: 'b' } });
    expect(reply.status).toBe(422);
    expect(errorOf(reply)).toMatchObject({
      code: 422,
      title: 'Unprocessable Entity',
      reason: 'IDEMPOTENCY_KEY_REUSED',
    });
  });
});
