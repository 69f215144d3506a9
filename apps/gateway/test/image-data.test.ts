import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HallmarkError, notReady, overQuota } from '@hallmark/errors';
import { waitFor } from '@hallmark/testing';
import { IMAGE } from './fake-images.ts';
import { ALICE, ImageHouse } from './image-house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(120_000);

const MIB = 1_048_576;
const CHUNK = Buffer.alloc(65_536, 'image');
const FILE = `/v2/images/${IMAGE}/file`;
const STAGE = `/v2/images/${IMAGE}/stage`;
const OCTETS = { 'content-type': 'application/octet-stream' };

let house: ImageHouse;
const takeAll = async ({ body }: { body: AsyncIterable<Buffer> }): Promise<void> => {
  for await (const chunk of body) house.images.received.push(chunk);
};

beforeAll(async () => {
  house = await ImageHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.images.reset();
  house.images.receive = takeAll;
});

const received = (): Buffer => Buffer.concat(house.images.received);

/** A request whose body the test sends as it wishes. */
function sender(path: string, headers: Record<string, string> = {}): ClientRequest {
  const asked = httpRequest(`http://${house.address}${path}`, {
    method: 'PUT',
    agent: false,
    headers: { 'x-auth-token': ALICE, ...OCTETS, ...headers },
  });
  asked.on('error', () => undefined);
  return asked;
}

async function answerTo(asked: ClientRequest): Promise<{ reply: IncomingMessage; body: string }> {
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  const chunks = (await reply.toArray()) as Buffer[];
  return { reply, body: Buffer.concat(chunks).toString() };
}

/** Sends chunks no faster than they are taken, and tells of the memory that was used meanwhile. */
async function pour(asked: ClientRequest, chunks: number): Promise<void> {
  for (let sent = 0; sent < chunks; sent += 1) {
    if (!asked.write(CHUNK)) await once(asked, 'drain');
  }
  asked.end();
}

/** Peak beyond what the process had after doing the same before: client, gateway and store are one here. */
async function memoryGrowth(work: () => Promise<unknown>): Promise<number> {
  await work();
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
  await work();
  clearInterval(timer);
  return most - before;
}

describe('an upload', () => {
  test.each([
    { path: FILE, rpc: 'prepareUpload', kind: 'uploads' },
    { path: STAGE, rpc: 'prepareStage', kind: 'stages' },
  ])('arrives byte for byte under the ticket of $rpc', async ({ path, rpc, kind }) => {
    const headers = {
      ...OCTETS,
      'x-image-meta-store': 'slow',
      'x-openstack-image-size': '5',
      'x-openstack-request-id': 'abc',
    };
    const reply = await house.ask({ method: 'PUT', path, headers, body: 'bytes' });
    expect([reply.status, reply.body]).toEqual([204, '']);
    expect(reply.headers['content-type']).toBe('text/html; charset=UTF-8');
    expect(reply.headers['x-openstack-request-id']).toBe('req-abc');
    expect(received().toString()).toBe('bytes');
    const { request, requestId } = house.images.call(rpc) ?? {};
    expect(requestId).toBe('req-abc');
    expect(request).toMatchObject({ id: IMAGE, contentType: 'application/octet-stream', contentLength: 5 });
    if (rpc === 'prepareUpload') expect(request).toMatchObject({ storeId: 'slow', declaredSize: '5' });
    const [transfer] = house.images.transfers;
    expect(transfer).toMatchObject({ kind, requestId: 'req-abc' });
    expect(transfer?.headers['content-length']).toBe('5');
    await waitFor('the line', () => house.lastLine['status'] === 204);
    expect(house.lastLine).toMatchObject({ requestBytes: 5, path, requestId: 'req-abc' });
  });

  test('of nothing is an upload', async () => {
    const reply = await house.ask({ method: 'PUT', path: FILE, headers: OCTETS, body: '' });
    expect(reply.status).toBe(204);
    expect(house.images.call('prepareUpload')?.request['contentLength']).toBe(0);
    expect(house.images.transfers).toHaveLength(1);
  });

  test('of unknown length goes on as one of unknown length', async () => {
    const asked = sender(FILE, { 'transfer-encoding': 'chunked' });
    asked.write('some ');
    asked.end('bytes');
    expect((await answerTo(asked)).reply.statusCode).toBe(204);
    expect(received().toString()).toBe('some bytes');
    expect(house.images.call('prepareUpload')?.request['contentLength']).toBeUndefined();
    expect(house.images.transfers[0]?.headers['content-length']).toBeUndefined();
  });

  test('takes no more memory when it is 200 MiB', async () => {
    let bytes = 0;
    house.images.receive = async ({ body }) => {
      for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.length;
    };
    const chunks = (200 * MIB) / CHUNK.length;
    const growth = await memoryGrowth(async () => {
      const asked = sender(FILE, { 'content-length': String(200 * MIB) });
      const answered = answerTo(asked);
      await pour(asked, chunks);
      expect((await answered).reply.statusCode).toBe(204);
    });
    expect(bytes).toBe(400 * MIB);
    expect(growth).toBeLessThan(64 * MIB);
  });

  test('is taken no faster than the store takes it', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.images.receive = async ({ body }) => {
      await gate.promise;
      await takeAll({ body });
    };
    const asked = sender(FILE, { 'content-length': String(200 * MIB) });
    const answered = answerTo(asked);
    const poured = pour(asked, (200 * MIB) / CHUNK.length);
    let before = -1;
    const sent = await waitFor('the sender to rest', async () => {
      const { bytesWritten = 0 } = asked.socket ?? {};
      if (bytesWritten > 0 && bytesWritten === before) return bytesWritten;
      before = bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 250));
      return undefined;
    });
    expect(sent).toBeLessThan(64 * MIB);
    gate.resolve(undefined);
    await poured;
    expect((await answered).reply.statusCode).toBe(204);
  });

  test('is taken back when its client hangs up', async () => {
    const asked = sender(FILE, { 'content-length': String(200 * MIB) });
    asked.write(CHUNK);
    await waitFor('the first bytes', () => house.images.received.length > 0);
    asked.destroy();
    await waitFor('the transfer to be taken back', () => house.images.abandoned === 1);
    await waitFor('the line', () => house.lastLine['reason'] === 'HUNG_UP');
    expect(house.lastLine).toMatchObject({ status: 499, level: 'info' });
  });

  test('that ends before its length is no whole one', async () => {
    let ended = false;
    house.images.receive = async (transfer) => {
      await takeAll({ body: transfer.body });
      ended = true;
    };
    using connection = await RawConnection.open(house.address);
    connection.send(
      `PUT ${FILE} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${ALICE}\r\nContent-Type: application/octet-stream\r\nContent-Length: 10\r\n\r\nfive!`,
    );
    await waitFor('the first bytes', () => house.images.received.length > 0);
    connection.hangUp();
    await waitFor('the line', () => house.lastLine['reason'] === 'HUNG_UP');
    await waitFor('the transfer to be taken back', () => house.images.abandoned === 1);
    expect(ended).toBe(false);
  });

  /** A client that sends its whole body before it looks for an answer, as most do. */
  async function sendWhole(connection: RawConnection, bytes: number, token = ALICE) {
    connection.send(
      `PUT ${FILE} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${token}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes}\r\n\r\n`,
    );
    connection.send(Buffer.alloc(bytes));
    return connection.reply();
  }

  test('that is refused half-way is told why, while its client still sends', async () => {
    house.images.receive = async ({ body }) => {
      for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        house.images.received.push(chunk);
        if (house.images.received.length > 4) {
          throw overQuota('SIZE_CAP', 'The incoming image is too large: The provided image is too large.');
        }
      }
    };
    using connection = await RawConnection.open(house.address);
    const { status, body } = await sendWhole(connection, 32 * MIB);
    expect([status, body]).toEqual([
      413,
      '413 Request Entity Too Large\n\nThe incoming image is too large: The provided image is too large.\n\n   ',
    ]);
    connection.send(`GET /v2/images HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${ALICE}\r\n\r\n`);
    expect((await connection.reply()).status).toBe(200);
  });

  test.each([
    { token: ALICE, status: 409 },
    { token: 'gAAAAABgarbage', status: 401 },
  ])('that is refused with $status before its first byte is told so too', async ({ token, status }) => {
    house.images.failures.set(
      'prepareUpload',
      notReady('STATUS_TRANSITION', 'Image status transition from active to saving is not allowed'),
    );
    using connection = await RawConnection.open(house.address);
    expect((await sendWhole(connection, 8 * MIB, token)).status).toBe(status);
    expect(house.images.transfers).toEqual([]);
    connection.send(`GET /v2/images HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${ALICE}\r\n\r\n`);
    expect((await connection.reply()).status).toBe(200);
  });

  test('whose ticket nobody takes is an outage of ours', async () => {
    house.images.losesTickets = true;
    const reply = await house.ask({ method: 'PUT', path: FILE, headers: OCTETS, body: 'bytes' });
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '5']);
  });

  test.each([
    { code: 'not-found', reason: 'IMAGE_VANISHED', status: 410 },
    { code: 'invalid', reason: 'CONTENT_MISMATCH', status: 415 },
    { code: 'unavailable', reason: 'STORE_UNAVAILABLE', status: 503 },
  ] as const)('that fails in the end with $reason is $status', async ({ code, reason, status }) => {
    house.images.receive = async (transfer) => {
      await takeAll({ body: transfer.body });
      throw new HallmarkError(code, reason, 'It went wrong.');
    };
    const reply = await house.ask({ method: 'PUT', path: FILE, headers: OCTETS, body: 'bytes' });
    expect([reply.status, reply.body.includes('It went wrong.')]).toEqual([status, true]);
  });

  test('whose data listener is gone is an outage', async () => {
    await using other = await ImageHouse.open({ ini: '[rpc]\nimages_data_endpoints = 127.0.0.1:1\n' });
    const reply = await other.ask({ method: 'PUT', path: FILE, headers: OCTETS, body: 'bytes' });
    expect([reply.status, other.lastLine['reason']]).toEqual([503, 'DATA_UNAVAILABLE']);
  });
});

describe('a client that waits for 100 Continue', () => {
  const head = (length: number, path = FILE, method = 'PUT'): string =>
    `${method} ${path} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${ALICE}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;

  test('is told to go on when everything is ready for its body', async () => {
    using connection = await RawConnection.open(house.address);
    connection.send(head(5));
    expect((await connection.reply(true)).status).toBe(100);
    connection.send('bytes');
    const reply = await connection.reply(true);
    expect([reply.status, reply.headers.get('connection')]).toEqual([204, 'keep-alive']);
    expect(received().toString()).toBe('bytes');
  });

  test('is told so for JSON too', async () => {
    using connection = await RawConnection.open(house.address);
    connection.send(head(2, '/v2/images', 'POST'));
    expect((await connection.reply(true)).status).toBe(100);
    connection.send('{}');
    expect((await connection.reply()).status).toBe(201);
  });

  test('keeps its body when it is refused', async () => {
    house.images.failures.set('prepareUpload', notReady('STATUS_TRANSITION', 'No.'));
    using connection = await RawConnection.open(house.address);
    connection.send(head(5));
    const reply = await connection.reply();
    expect([reply.status, reply.headers.get('connection')]).toEqual([409, 'close']);
    await connection.closed();
  });
});

describe('a download', () => {
  const give = (chunks: number, given: Partial<typeof house.images.download> = {}): void => {
    house.images.download = {
      length: chunks * CHUNK.length,
      contentRange: '',
      checksum: '7265f4d211b56873a381d321f586e4a9',
      async *bytes() {
        for (let at = 0; at < chunks; at += 1) {
          yield CHUNK;
          await Promise.resolve();
        }
      },
      ...given,
    };
  };

  async function download(): Promise<IncomingMessage> {
    const asked = httpRequest(`http://${house.address}${FILE}`, { headers: { 'x-auth-token': ALICE } });
    asked.on('error', () => undefined);
    asked.end();
    const [reply] = (await once(asked, 'response')) as [IncomingMessage];
    reply.on('error', () => undefined);
    return reply;
  }

  test('comes whole', async () => {
    give(3);
    const reply = await house.ask({ path: `${FILE}?prefer=fast,slow` });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(3 * CHUNK.length),
      'content-md5': '7265f4d211b56873a381d321f586e4a9',
    });
    expect(reply.headers['content-range']).toBeUndefined();
    expect(reply.body).toBe(CHUNK.toString().repeat(3));
    expect(house.images.call('prepareDownload')?.request).toMatchObject({ range: '', prefer: 'fast,slow' });
  });

  test.each(['range', 'content-range'])('of a part is asked for by %s', async (name) => {
    give(1, { contentRange: 'bytes 5-65540/131072', checksum: '' });
    const reply = await house.ask({ path: FILE, headers: { [name]: 'bytes=5-65540' } });
    expect([reply.status, reply.headers['content-range']]).toEqual([206, 'bytes 5-65540/131072']);
    expect(reply.headers['content-md5']).toBeUndefined();
    expect(house.images.call('prepareDownload')?.request['range']).toBe('bytes=5-65540');
    expect(house.lastLine['status']).toBe(206);
  });

  test('of no data is 204 without a word', async () => {
    house.images.hasData = false;
    const reply = await house.ask({ path: FILE });
    expect([reply.status, reply.body, reply.headers['content-type']]).toEqual([204, '', undefined]);
  });

  test('of an empty image is empty', async () => {
    give(0);
    const reply = await house.ask({ path: FILE });
    expect([reply.status, reply.body, reply.headers['content-length']]).toEqual([200, '', '0']);
  });

  test('takes no more memory when it is 200 MiB', async () => {
    give((200 * MIB) / CHUNK.length);
    let bytes = 0;
    const growth = await memoryGrowth(async () => {
      const reply = await download();
      for await (const chunk of reply as AsyncIterable<Buffer>) bytes += chunk.length;
    });
    expect(bytes).toBe(400 * MIB);
    expect(growth).toBeLessThan(64 * MIB);
  });

  test('ends at its source when the client hangs up', async () => {
    give(100_000);
    const reply = await download();
    await once(reply, 'data');
    reply.destroy();
    await waitFor('the source to be let go', () => house.images.abandoned === 1);
    await waitFor('the line', () => house.lastLine['reason'] === 'HUNG_UP');
  });

  test('that breaks at its source is seen to be cut off', async () => {
    give(8, {
      length: 9 * CHUNK.length,
      async *bytes() {
        yield CHUNK;
        await Promise.resolve();
        throw new Error('The disk is gone.');
      },
    });
    const reply = await download();
    await expect(reply.toArray()).rejects.toThrow(/aborted/);
    await waitFor('the line', () => house.lastLine['reason'] === 'ANSWER_CUT_SHORT');
  });
});

describe('a slow client', () => {
  test('has all the time it wants for an image, but not for its headers', async () => {
    using slow = await RawConnection.open(house.address);
    slow.send(
      `PUT ${FILE} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${ALICE}\r\nContent-Type: application/octet-stream\r\nContent-Length: 40\r\n\r\n`,
    );
    using idle = await RawConnection.open(house.address);
    idle.send('GET /v2/images HTTP/1.1\r\nHost: h\r\n');
    // Longer than the half minute of the other listeners.
    for (let second = 0; second < 40; second += 1) {
      slow.send('x');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      if (second === 20) expect(idle.isClosed).toBe(true);
    }
    expect((await slow.reply(true)).status).toBe(204);
    expect(received().toString()).toBe('x'.repeat(40));
  });
});
