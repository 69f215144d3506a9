import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runProgram } from './run-program.ts';

/** Vendordata services that answer after a given time, and count how often they were asked. */
await runProgram('targets', async ({ count, delayMs }) => {
  const calls = Array.from({ length: count }, () => 0);
  const ports = await Promise.all(
    calls.map(async (_, index) =>
      startTarget(`t${index + 1}`, delayMs, () => {
        calls[index] = (calls[index] ?? 0) + 1;
      }),
    ),
  );
  return { ready: { ports }, answer: () => calls };
});

async function startTarget(name: string, delayMs: number, called: () => void): Promise<number> {
  const body = JSON.stringify({ service: name, rack: 'r12', 'booted-as': ['member', 'reader'] });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'Cache-Control': 'max-age=300',
  };
  const server = createServer((request, response) => {
    called();
    request.resume();
    setTimeout(() => response.writeHead(200, headers).end(body), delayMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server on a TCP port has an address object.
  return (server.address() as AddressInfo).port;
}
