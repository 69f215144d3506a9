import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { HallmarkError, overQuota } from '@hallmark/errors';
import { createLogger, newRequestId, Registry } from '@hallmark/runtime';
import { DataClient, DataServer, type DataHandler } from '../src/index.ts';

jest.setTimeout(20_000);

interface ServeOptions {
  get?: DataHandler;
  put?: DataHandler;
  lines?: string[];
  listen?: string;
  idleTimeoutMs?: number;
}

const nothing: DataHandler = () => Promise.resolve({ headers: {}, body: [] });

async function serve(options: ServeOptions) {
  const lines = options.lines ?? [];
  const server = new DataServer({
    app: 'instances',
    listen: [options.listen ?? '127.0.0.1:0'],
    idleTimeoutMs: options.idleTimeoutMs,
    log: createLogger({ app: 'test', destination: { write: (line: string) => void lines.push(line) } }),
    registry: new Registry(),
  });
  server.route('GET', 'drives', options.get ?? nothing).route('PUT', 'images', options.put ?? nothing);
  const [address = ''] = await server.listen();
  return { address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const clientOf = (endpoints: string[], idleTimeoutMs?: number): DataClient =>
  new DataClient({ name: 'instances', endpoints, idleTimeoutMs });
const drive = { kind: 'drives', ticket: 'secret-ticket' };
const image = { kind: 'images', ticket: 'secret-ticket' };
const call = () => ({ requestId: newRequestId() });

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const thrown: unknown = await call.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  if (!(thrown instanceof Error)) throw new Error(`Expected an error, got ${String(thrown)}`);
  return thrown;
}

function* blocks(count: number): Generator<Uint8Array, void> {
  for (let number = 0; number < count; number++) yield Buffer.alloc(64 * 1024, number % 256);
}

async function* slowly(count: number): AsyncGenerator<Uint8Array, void> {
  for (const block of blocks(count)) {
    await sleep(1);
    yield block;
  }
}

async function digestOf(body: AsyncIterable<Buffer> | Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

/** An address at which nobody listens. */
async function deadEndpoint(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return `127.0.0.1:${port}`;
}

describe('fetching', () => {
  test('brings headers and bytes, and leaves one log line without the ticket', async () => {
    const lines: string[] = [];
    await using served = await serve({
      lines,
      get: (transfer) => {
        transfer.event['instanceId'] = 'one';
        expect(transfer.ticket).toBe('secret-ticket');
        return Promise.resolve({ headers: { 'content-length': '131072', 'x-sum': 'abc' }, body: blocks(2) });
      },
    });
    await using client = clientOf([served.address]);
    const { requestId } = call();

    const { status, headers, body } = await client.get(drive, { requestId });

    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-length': '131072', 'x-sum': 'abc' });
    expect(await digestOf(body)).toBe(await digestOf(blocks(2)));
    while (lines.length === 0) await sleep(5); // it is written once the last byte is out
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({
        data: 'GET drives',
        status: 200,
        bytes: 131_072,
        requestId,
        instanceId: 'one',
      }),
    ]);
    expect(lines.join('')).not.toContain('secret-ticket');
  });

  test('reads no further ahead than the caller takes', async () => {
    let made = 0;
    function* many(): Generator<Uint8Array, void> {
      for (const block of blocks(1_000)) {
        made += 1;
        yield block;
      }
    }
    await using served = await serve({ get: () => Promise.resolve({ headers: {}, body: many() }) });
    await using client = clientOf([served.address]);

    const { body } = await client.get(drive, call());
    let before = -1;
    while (before !== made) {
      before = made;
      await sleep(50);
    }
    // What sockets of the kernel hold is megabytes; the whole would be 62 MiB.
    expect(made).toBeLessThan(300);
    body.destroy();
  });

  test('tells of a body that breaks half-way, instead of ending it', async () => {
    async function* breaking(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.alloc(10);
      await sleep(10);
      throw new Error('disk gone');
    }
    await using served = await serve({ get: () => Promise.resolve({ headers: {}, body: breaking() }) });
    await using client = clientOf([served.address]);
    const { body } = await client.get(drive, call());
    await expect(digestOf(body)).rejects.toThrow();
  });

  test('stops making bytes when the caller goes away', async () => {
    const gone = Promise.withResolvers<unknown>();
    async function* endless(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
      try {
        for (;;) yield* slowly(100);
      } finally {
        gone.resolve(signal.aborted);
      }
    }
    await using served = await serve({
      get: ({ signal }) => Promise.resolve({ headers: {}, body: endless(signal) }),
    });
    await using client = clientOf([served.address]);
    const hangUp = new AbortController();
    const { body } = await client.get(drive, { ...call(), signal: hangUp.signal });
    body.on('error', () => undefined);
    hangUp.abort();
    expect(await gone.promise).toBe(true);
  });
});

test('a body that nobody reads is closed', async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const left = Promise.withResolvers<undefined>();
  const body = Readable.from(blocks(3));
  await using served = await serve({
    get: async ({ signal }) => {
      asked.resolve(signal);
      await left.promise;
      return { headers: {}, body };
    },
  });
  await using client = clientOf([served.address]);
  const hangUp = new AbortController();
  const answer = client.get(drive, { ...call(), signal: hangUp.signal });
  const signal = await asked.promise;
  hangUp.abort();
  await expect(answer).rejects.toThrow('aborted');
  while (!signal.aborted) await sleep(5);
  left.resolve(undefined);
  while (!body.destroyed) await sleep(5);
});

describe('errors', () => {
  test('come back as they were thrown', async () => {
    await using served = await serve({
      get: () => Promise.reject(overQuota('TOO_MANY', 'Später.', { retryAfterSeconds: 7 })),
    });
    await using client = clientOf([served.address]);
    expect(await failureOf(client.get(drive, call()))).toMatchObject({
      code: 'over-quota',
      reason: 'TOO_MANY',
      message: 'Später.',
      retryAfterSeconds: 7,
    });
  });

  test('of strangers say nothing', async () => {
    await using served = await serve({ get: () => Promise.reject(new Error('password=hunter2')) });
    await using client = clientOf([served.address]);
    const failure = await failureOf(client.get(drive, call()));
    expect(failure).not.toBeInstanceOf(HallmarkError);
    expect(failure.message).toBe('instances failed with status 500.');
  });

  test.each([
    ['images', 'x'],
    ['drives', ''],
    ['drives/x', 'y'],
  ])('no route %s/%s', async (kind, ticket) => {
    await using served = await serve({});
    await using client = clientOf([served.address]);
    const failure = await failureOf(client.get({ kind, ticket }, call()));
    expect(failure).toMatchObject({ code: 'not-found', reason: 'ROUTE_UNKNOWN' });
  });

  test('a peer that says nothing for too long', async () => {
    await using served = await serve({ get: () => new Promise(() => undefined), idleTimeoutMs: 3_000 });
    await using client = clientOf([served.address], 500);
    expect(await failureOf(client.get(drive, call()))).toMatchObject({
      code: 'timeout',
      reason: 'DATA_TIMEOUT',
    });
  });
});

describe('sending', () => {
  test('brings every byte, and an answer', async () => {
    await using served = await serve({
      put: async ({ body }) => {
        const answer = Buffer.from(await digestOf(body));
        return { status: 201, headers: {}, body: [answer] };
      },
    });
    await using client = clientOf([served.address]);
    const { status, body } = await client.put(image, slowly(50), call());
    expect(status).toBe(201);
    expect(Buffer.concat(await body.toArray()).toString()).toBe(await digestOf(blocks(50)));
  });

  test('that is refused at once does not have to be finished', async () => {
    await using served = await serve({ put: () => Promise.reject(overQuota('FULL', 'No room.')) });
    await using client = clientOf([served.address]);
    async function* endless(): AsyncGenerator<Uint8Array, void> {
      for (;;) yield* slowly(100);
    }
    expect(await failureOf(client.put(image, endless(), call()))).toMatchObject({ reason: 'FULL' });
  });
});

describe('replicas', () => {
  test('take turns, and one that cannot be connected to costs nothing', async () => {
    const seen: number[] = [];
    const noting =
      (number: number): DataHandler =>
      (transfer) => {
        seen.push(number);
        return nothing(transfer);
      };
    await using one = await serve({ get: noting(1) });
    await using two = await serve({ get: noting(2) });
    await using client = clientOf([one.address, await deadEndpoint(), two.address]);
    for (let count = 0; count < 6; count++) (await client.get(drive, call())).body.resume();
    expect(seen.filter((number) => number === 1)).toHaveLength(2);
    expect(seen.filter((number) => number === 2)).toHaveLength(4);
  });

  test('get a body whole after one could not be connected to', async () => {
    await using served = await serve({
      put: async ({ body }) => ({ headers: {}, body: [Buffer.from(await digestOf(body))] }),
    });
    await using client = clientOf([await deadEndpoint(), served.address]);
    const { body } = await client.put(image, slowly(5), call());
    expect(Buffer.concat(await body.toArray()).toString()).toBe(await digestOf(blocks(5)));
  });

  test('are not asked again once one has been asked: a ticket is good once', async () => {
    const breaking = createServer((socket) => socket.once('data', () => socket.destroy()));
    breaking.listen(0, '127.0.0.1');
    await once(breaking, 'listening');
    const { port } = breaking.address() as { port: number };
    let asked = 0;
    await using served = await serve({ get: (transfer) => ((asked += 1), nothing(transfer)) });
    await using client = clientOf([`127.0.0.1:${port}`, served.address]);
    expect(await failureOf(client.get(drive, call()))).toMatchObject({
      code: 'unavailable',
      reason: 'DATA_UNAVAILABLE',
    });
    expect(asked).toBe(0);
    breaking.close();
  });

  test('that are all gone are an outage', async () => {
    await using client = clientOf([await deadEndpoint(), await deadEndpoint()]);
    expect(await failureOf(client.get(drive, call()))).toMatchObject({
      code: 'unavailable',
      reason: 'DATA_UNAVAILABLE',
      message: 'The data listener of instances cannot be reached.',
    });
  });
});

describe('closing', () => {
  test('lets a transfer finish and takes no new one', async () => {
    const served = await serve({ get: () => Promise.resolve({ headers: {}, body: slowly(200) }) });
    await using client = clientOf([served.address]);
    const { body } = await client.get(drive, call());
    const closing = served[Symbol.asyncDispose]();
    expect(await digestOf(body)).toBe(await digestOf(blocks(200)));
    await closing;
    expect(await failureOf(client.get(drive, call()))).toMatchObject({ reason: 'DATA_UNAVAILABLE' });
  });

  test('does not wait for connections that rest', async () => {
    const served = await serve({});
    await using client = clientOf([served.address]);
    (await client.get(drive, call())).body.resume();
    await served[Symbol.asyncDispose]();
  });
});

test('without TLS only loopback is listened on', async () => {
  await expect(serve({ listen: '0.0.0.0:0' })).rejects.toThrow('[instances] data_listen = 0.0.0.0:0');
});
