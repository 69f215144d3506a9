import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  freePort,
  startFakeKeystone,
  startFakeTarget,
  startRelay,
  waitFor,
  type FakeKeystone,
  type FakeTarget,
  type Relay,
} from '@hallmark/testing';
import { House, keystoneConfig, novaBody } from './house.ts';
import { statuses, underLoad } from './load.ts';
import { callVendordata } from './operator.ts';

jest.setTimeout(120_000);

/** A vendordata replica that the gateway reaches by a wire of its own. */
interface WiredReplica {
  readonly port: number;
  readonly wire: Relay;
}

describe('the wires from the gateway to vendordata', () => {
  let keystone: FakeKeystone;
  let target: FakeTarget;
  let replicas: WiredReplica[];
  let house: House;
  let token: string;
  beforeEach(async () => {
    keystone = await startFakeKeystone();
    target = await startFakeTarget({ json: { rack: 'r1' } });
    replicas = await Promise.all([wiredReplica(), wiredReplica()]);
    house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
failure = fatal
`,
      replicas: { vendordata: replicas.length },
      configOf: (app, index) => {
        if (app === 'vendordata') return `[vendordata]\nlisten = 127.0.0.1:${replicas[index]?.port}\n`;
        const wires = replicas.map(({ wire }) => `${wire.host}:${wire.port}`);
        return app === 'gateway' ? `[rpc]\nvendordata_endpoints = ${wires.join(', ')}\n` : '';
      },
    });
    token = keystone.issue({ user: 'nova' });
  });
  afterEach(async () => {
    await house[Symbol.asyncDispose]();
    for (const { wire } of replicas) await wire[Symbol.asyncDispose]();
    for (const server of [target, keystone]) await server[Symbol.asyncDispose]();
  });

  test('one of two cut under load: no request fails', async () => {
    target.answer({ json: { rack: 'r1' }, delayMs: 30 });
    const [first] = replicas;

    const report = await underLoad(house, { token, concurrency: 16 }, async (answered) => {
      await waitFor('some answers', () => answered() > 50);
      await first?.wire.cut();
      const without = answered();
      await waitFor('answers by the other', () => answered() > without + 50);
      await first?.wire.restore();
      const again = first?.wire.accepted ?? 0;
      await waitFor('the gateway to be back', () => (first?.wire.accepted ?? 0) > again);
    });

    expect(report.lost).toEqual([]);
    expect(Object.keys(statuses(report))).toEqual(['200']);
  });

  test('swallowing a purge: what was purged is not given again', async () => {
    target.answer({ json: { rack: 'r1' }, cacheControl: 'max-age=300' });
    const instanceId = randomUUID();
    const ask = async (): Promise<string> => (await house.post(novaBody(instanceId), { token })).text;
    for (let n = 0; n < 4; n++) expect(await ask()).toBe('{"one": {"rack":"r1"}}');
    target.answer({ json: { rack: 'r2' }, cacheControl: 'max-age=300' });

    for (const { wire } of replicas) wire.block();
    for (const { port } of replicas) await callVendordata(port, 'Purge', { instanceId });

    // The gateway cannot have heard; it must notice that it hears nothing any more.
    await waitFor('the gateway to stop giving the answer', async () => !(await ask()).includes('r1'), 30_000);
    for (const { wire } of replicas) await wire.restore();
    const heard: string[] = [];
    await waitFor('the new answer', async () => heard[heard.push(await ask()) - 1]?.includes('r2'), 30_000);
    expect(heard.filter((answer) => answer.includes('r1'))).toEqual([]);
  });
});

async function wiredReplica(): Promise<WiredReplica> {
  const port = await freePort();
  return { port, wire: await startRelay({ host: '127.0.0.1', port }) };
}
