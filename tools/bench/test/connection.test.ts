import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { OWN_INSTANCE, type PostPlan } from '../src/load/plan.ts';
import { runLoad } from '../src/load/run-load.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<PostPlan> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    kind: 'post',
    port,
    path: '/vendordata',
    headers: { 'X-Note': 'hi' },
    body: `{"id": "${OWN_INSTANCE}"}`,
    connections: 4,
    requests: 10,
  };
}

async function bodyOf(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('the load client', () => {
  test('sends so many requests, each about an instance of its own', async () => {
    const bodies: string[] = [];
    const plan = await serve((request, response) => {
      expect(request.headers['x-note']).toBe('hi');
      void bodyOf(request).then((body) => {
        bodies.push(body);
        response.end('{}');
      });
    });
    const result = await runLoad(plan);

    expect(result).toMatchObject({ requests: 10, failures: {} });
    expect(new Set(bodies).size).toBe(10);
    expect(bodies.every((body) => /^\{"id": "[0-9a-f-]{36}"\}$/.test(body))).toBe(true);
    expect(bodies.some((body) => body.includes(OWN_INSTANCE))).toBe(false);
  });

  test('lets each visitor read all paths in turn, on one connection', async () => {
    const seen: string[] = [];
    const { port } = await serve((request, response) => {
      seen.push(
        `${request.socket.remotePort ?? 0} ${request.headers['x-who']?.toString()} ${request.url ?? ''}`,
      );
      response.writeHead(201, { 'Content-Length': 2 }).end('{}');
    });
    const visitors = ['a', 'b', 'c'].map((who) => ({ path: `/${who}`, headers: { 'X-Who': who } }));
    const result = await runLoad({ kind: 'visit', port, connections: 2, paths: ['/1', '/2'], visitors });

    expect(result).toMatchObject({ requests: 6, failures: {} });
    for (const who of ['a', 'b', 'c']) {
      const own = seen.map((line) => line.split(' ')).filter(([, by]) => by === who);
      expect(own.map(([, , url]) => url)).toEqual([`/${who}/1`, `/${who}/2`]);
      expect(new Set(own.map(([socket]) => socket)).size).toBe(1);
    }
  });

  test('waits for the whole of an answer that comes in pieces', async () => {
    const plan = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': 4 }).write('{ ');
      setTimeout(() => response.end(' }'), 20);
    });
    const result = await runLoad({ ...plan, connections: 1, requests: 2 });

    expect(result).toMatchObject({ requests: 2, failures: {} });
    expect(result.p50Ms).toBeGreaterThan(15);
  });

  test('takes an answer that has no body, and says no length, for whole', async () => {
    const plan = await serve((_request, response) => response.writeHead(204).end());
    const result = await runLoad({ ...plan, connections: 1, requests: 2 });

    expect(result).toMatchObject({ requests: 2, failures: {} });
  });

  test('counts refusals by status, and broken connections as 0', async () => {
    let asked = 0;
    const plan = await serve((request, response) => {
      asked += 1;
      if (asked === 2) request.socket.destroy();
      else response.writeHead(503, { 'Content-Length': 0 }).end();
    });
    const result = await runLoad({ ...plan, connections: 1, requests: 2 });

    expect(result.failures).toEqual({ 503: 1, 0: 1 });
  });

  test('stops when its time is over', async () => {
    const plan = await serve((_request, response) => response.end('{}'));
    const result = await runLoad({ ...plan, requests: undefined, durationMs: 100 });

    expect(result.requests).toBeGreaterThan(0);
    expect(result.seconds).toBeLessThan(5);
  });
});
