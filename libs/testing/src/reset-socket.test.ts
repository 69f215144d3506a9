import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

/** How a connection looks from its other end after `end` was done to it, once it is closed. */
async function seen(end: (socket: Socket) => void): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, end);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const other = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const events: string[] = [];
  other.on('data', (data) => events.push(data.toString()));
  other.on('error', (error: NodeJS.ErrnoException) => events.push(error.code ?? error.message));
  other.on('end', () => {
    events.push('end');
    other.end();
  });
  await new Promise((resolve) => other.on('close', resolve));
  // Which waits for the socket at this end.
  server.close();
  await once(server, 'close');
  return events.join(' ');
}

describe('a socket', () => {
  test('is reset', async () => {
    expect(await seen(resetSocket)).toBe('ECONNRESET');
  });

  test('is closed although its end is on its way', async () => {
    const ending = (socket: Socket): void => {
      socket.end('the last');
      resetSocket(socket);
    };
    expect(await seen(ending)).toMatch(/end|ECONNRESET/);
  });
});
