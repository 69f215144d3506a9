import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below Linux's ephemeral ports (32768 and up): a port there stays free while its server is down, because
// no outgoing connection takes it for its own end, nor connects to itself.
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;

const given = new Set<number>();

/** A port that nobody listens on, for servers that must come back at the same address. Given once only. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port)) continue;
    given.add(port);
    if (await isPortFree(port)) return port;
  }
}

/** Whether nobody listens on a port, at any IPv4 address of this machine, now. */
export async function isPortFree(port: number): Promise<boolean> {
  // Exclusive: in a worker, Node's cluster would ask the primary, which shares ports.
  const server = createServer().listen({ port, host: '0.0.0.0', exclusive: true });
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
