import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { runBulk, type BulkPlan } from '../src/load/bulk.ts';
import { digestsOfPattern, patternAt } from '../src/load/pattern.ts';
import { createHash } from 'node:crypto';

const BYTES = 3_000_000;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<Omit<BulkPlan, 'method'>> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, path: '/file', headers: {}, bytes: BYTES };
}

function pattern(bytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let done = 0; done < bytes; done += pieces.at(-1)?.length ?? 0)
    pieces.push(patternAt(done, bytes - done));
  return Buffer.concat(pieces);
}

describe('the bulk client', () => {
  test('sends the pattern', async () => {
    const md5 = createHash('md5');
    const plan = await serve((request, response) => {
      request.on('data', (piece: Buffer) => md5.update(piece));
      request.on('end', () => response.writeHead(204).end());
    });
    expect(await runBulk({ ...plan, method: 'PUT' })).toMatchObject({ status: 204 });
    expect(md5.digest('hex')).toBe(digestsOfPattern(BYTES).md5);
  });

  test.each<[string, (sent: Buffer) => Buffer, boolean]>([
    ['takes what is right', (sent) => sent, true],
    ['sees a byte that is wrong', (sent) => sent.fill(sent.readUInt8(5) ^ 1, 5, 6), false],
    ['sees that something is missing', (sent) => sent.subarray(0, -1), false],
    ['sees that something was doubled', (sent) => Buffer.concat([sent.subarray(0, 10), sent]), false],
  ])('%s', async (_what, change, intact) => {
    const plan = await serve((_request, response) => response.end(change(pattern(BYTES))));
    expect(await runBulk({ ...plan, method: 'GET' })).toMatchObject({ status: 200, intact });
  });

  test('a connection that breaks has no status', async () => {
    const plan = await serve((request) => request.socket.destroy());
    expect(await runBulk({ ...plan, method: 'GET' })).toMatchObject({ status: 0, intact: false });
  });
});
