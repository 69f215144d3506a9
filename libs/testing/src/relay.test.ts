import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startRelay } from './relay.ts';
import type { Relay } from './relay.ts';

describe('relay', () => {
  let server: Server;
  let relay: Relay;
  beforeEach(async () => {
    server = createServer((request, response) => {
      response.setHeader('Connection', 'close');
      request.resume().on('end', () => response.end('x'.repeat(1_000_000)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    relay = await startRelay({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  });
  afterEach(async () => {
    await relay[Symbol.asyncDispose]();
    server.close();
  });

  const ask = async (signal?: AbortSignal): Promise<number> => {
    const answer = await fetch(`http://${relay.host}:${relay.port}/`, { method: 'POST', body: 'x', signal });
    return (await answer.text()).length;
  };

  test('passes everything on, to the last byte before the end', async () => {
    expect(await ask()).toBe(1_000_000);
    relay.delayMs = 20;
    expect(await ask()).toBe(1_000_000);
    expect(relay.accepted).toBe(2);
  });

  test('delays', async () => {
    relay.delayMs = 100;
    const startedAt = performance.now();
    await ask();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200); // there and back
  });

  test('refuses while it is cut, and comes back at the same port', async () => {
    await relay.cut();
    await expect(ask()).rejects.toThrow();

    await relay.restore();
    expect(await ask()).toBe(1_000_000);
  });

  test('answers nothing while it is blocked, and then all of it', async () => {
    relay.block();
    await expect(ask(AbortSignal.timeout(200))).rejects.toThrow('timeout');

    const patient = ask();
    await relay.restore();
    expect(await patient).toBe(1_000_000);
  });
});
