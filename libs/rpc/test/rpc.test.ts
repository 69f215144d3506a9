import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { HallmarkError, overQuota, unavailable } from '@hallmark/errors';
import { createLogger, newRequestId, Registry } from '@hallmark/runtime';
import { createRpcClient, RpcServer, type Call, type Handlers, type RpcClient } from '../src/index.ts';

type Service = typeof vendordata.VendordataServiceService;
const service = vendordata.VendordataServiceService;

/** A server of the real contract whose `resolve` does what a test says. */
async function startServer(
  resolve: (call: Call) => Promise<void>,
  options: { registry?: Registry; lines?: string[]; watch?: Handlers<Service>['watchInvalidations'] } = {},
) {
  const refuse = (): Promise<never> => Promise.reject(new Error('not part of this test'));
  const lines = options.lines ?? [];
  const server = new RpcServer({
    app: 'vendordata',
    listen: ['127.0.0.1:0'],
    log: createLogger({ app: 'test', destination: { write: (line: string) => void lines.push(line) } }),
    registry: options.registry ?? new Registry(),
  });
  server.add(service, {
    resolve: async (request, call) => {
      await resolve(call);
      return {
        contributions: [],
        instanceId: request.target,
        document: Buffer.alloc(0),
        shortLivedTargets: [],
      };
    },
    listTargets: refuse,
    probeTarget: refuse,
    purge: refuse,
    watchInvalidations:
      options.watch ??
      async function* (_request, call) {
        for (let version = 1; !call.signal.aborted; version++) {
          yield { version, event: { $case: 'heartbeat', value: {} } };
          await sleep(5);
        }
      },
  });
  const [address = ''] = await server.listen();
  return { server, address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const clientOf = (...endpoints: string[]): RpcClient<Service> =>
  createRpcClient(service, { name: 'vendordata', endpoints, registry: new Registry() });

const request = {
  instanceJson: Buffer.from('{}'),
  target: 'one',
  document: vendordata.ResolveRequest_Document.UNSPECIFIED,
};
const options = (timeoutMs = 2_000) => ({ requestId: newRequestId(), timeoutMs });

async function failureOf(call: Promise<unknown>): Promise<HallmarkError> {
  const thrown: unknown = await call.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  if (!(thrown instanceof HallmarkError)) throw new Error(`Expected a HallmarkError, got ${String(thrown)}`);
  return thrown;
}

describe('a unary call', () => {
  test('carries the answer, the request id and metadata, and leaves one log line', async () => {
    let seen: Pick<Call, 'requestId' | 'metadata'> | undefined;
    const lines: string[] = [];
    await using served = await startServer(
      async (call) => {
        seen = call;
        call.event['targets'] = 3;
        await Promise.resolve();
      },
      { lines },
    );
    await using client = clientOf(served.address);
    const requestId = newRequestId();

    const answer = await client.resolve(request, {
      requestId,
      timeoutMs: 2_000,
      metadata: { 'x-note': 'hi' },
    });

    expect(answer.instanceId).toBe('one');
    expect(seen?.requestId).toBe(requestId);
    expect(seen?.metadata.get('x-note')).toEqual(['hi']);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({
        rpc: 'hallmark.vendordata.v1.VendordataService/Resolve',
        code: 'OK',
        requestId,
        targets: 3,
      }),
    ]);
  });

  test('brings the peer’s error back with code, reason, message and retry-after', async () => {
    await using served = await startServer(() =>
      Promise.reject(overQuota('TOO_MANY', 'Not so fast – später.', { retryAfterSeconds: 7 })),
    );
    await using client = clientOf(served.address);

    const failure = await failureOf(client.resolve(request, options()));

    expect(failure).toMatchObject({
      code: 'over-quota',
      reason: 'TOO_MANY',
      message: 'Not so fast – später.',
      retryAfterSeconds: 7,
    });
  });

  test('says nothing of a stranger’s error', async () => {
    await using served = await startServer(() => Promise.reject(new Error('password=hunter2')));
    await using client = clientOf(served.address);

    const thrown: unknown = await client.resolve(request, options()).catch((error: unknown) => error);

    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).not.toBeInstanceOf(HallmarkError);
    expect(String(thrown)).toBe('Error: vendordata failed: 13 INTERNAL: internal error');
  });

  test('tells the callee how long it may take, less the way back', async () => {
    let remaining = 0;
    await using served = await startServer(async (call) => {
      remaining = call.remainingMs();
      await Promise.resolve();
    });
    await using client = clientOf(served.address);

    await client.resolve(request, options(1_500));

    expect(remaining).toBeGreaterThan(500);
    expect(remaining).toBeLessThanOrEqual(1_480);
  });

  test('ends at its deadline, and the callee learns of it a little earlier', async () => {
    const told = Promise.withResolvers<unknown>();
    const release = Promise.withResolvers<undefined>();
    await using served = await startServer(async (call) => {
      call.signal.addEventListener('abort', () => {
        told.resolve(call.signal.reason);
      });
      await release.promise;
    });
    await using client = clientOf(served.address);

    const failure = await failureOf(client.resolve(request, options(150)));

    expect(failure).toMatchObject({ code: 'timeout', reason: 'RPC_DEADLINE_EXCEEDED' });
    expect(await told.promise).toMatchObject({ reason: 'NO_TIME_LEFT' });
    release.resolve(undefined);
  });

  test('is cancelled at the callee when the caller’s signal aborts', async () => {
    const started = Promise.withResolvers<undefined>();
    const cancelled = Promise.withResolvers<unknown>();
    await using served = await startServer(async (call) => {
      call.signal.addEventListener('abort', () => {
        cancelled.resolve(call.signal.reason);
      });
      started.resolve(undefined);
      await cancelled.promise;
    });
    await using client = clientOf(served.address);
    const abort = new AbortController();

    const failure = failureOf(client.resolve(request, { ...options(), signal: abort.signal }));
    await started.promise;
    abort.abort();

    expect((await failure).reason).toBe('RPC_CANCELLED');
    expect(await cancelled.promise).toMatchObject({ reason: 'CANCELLED' });
  });
});

describe('replicas', () => {
  test('a dead one costs no call', async () => {
    await using alive = await startServer(() => Promise.resolve());
    const dead = await startServer(() => Promise.resolve());
    await using client = clientOf(dead.address, alive.address);
    await client.resolve(request, options());
    await client.resolve(request, options());
    await dead[Symbol.asyncDispose]();

    const answers = await Promise.all(Array.from({ length: 50 }, () => client.resolve(request, options())));

    expect(answers).toHaveLength(50);
  });

  test('share the calls', async () => {
    const counts = [0, 0];
    const count = (index: number) => () => {
      counts[index] = (counts[index] ?? 0) + 1;
      return Promise.resolve();
    };
    await using first = await startServer(count(0));
    await using second = await startServer(count(1));
    await using client = clientOf(first.address, second.address);

    for (let i = 0; i < 20; i++) await client.resolve(request, options());

    expect(Math.min(...counts)).toBeGreaterThanOrEqual(8);
  });

  test('an outage of all is UNAVAILABLE, not a hang', async () => {
    await using client = clientOf('127.0.0.1:1');

    expect(await failureOf(client.resolve(request, options(3_000)))).toMatchObject({
      code: 'unavailable',
      reason: 'RPC_UNAVAILABLE',
    });
  });

  /** A peer that breaks the connection as soon as it has got a call. */
  async function startBreaker() {
    const server = createServer();
    const breaker = {
      calls: 0,
      address: '',
      [Symbol.asyncDispose]: () => Promise.resolve(void server.close()),
    };
    server.on('stream', ({ session }) => {
      breaker.calls += 1;
      session?.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    breaker.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return breaker;
  }

  test('a call that was lost on its way is repeated, but not one that must not be done twice', async () => {
    await using breaker = await startBreaker();
    await using client = clientOf(breaker.address);
    await failureOf(client.resolve(request, options(5_000)));
    expect(breaker.calls).toBeGreaterThan(1);

    await using other = await startBreaker();
    await using careful = clientOf(other.address);
    const failure = await failureOf(careful.resolve(request, { ...options(5_000), repeatable: false }));
    expect([failure.reason, other.calls]).toEqual(['RPC_UNAVAILABLE', 1]);
  });

  test('a call that reached nobody goes to another, also when it must not be done twice', async () => {
    await using alive = await startServer(() => Promise.resolve());
    await using client = clientOf('127.0.0.1:1', alive.address);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.resolve(request, { ...options(), repeatable: false })),
    );
    expect(answers).toHaveLength(10);
  });

  test('what the peer itself answered is not repeated', async () => {
    let calls = 0;
    await using served = await startServer(() => {
      calls++;
      return Promise.reject(unavailable('KEYSTONE_UNAVAILABLE', 'Keystone is down.'));
    });
    await using client = clientOf(served.address);

    expect((await failureOf(client.resolve(request, options()))).reason).toBe('KEYSTONE_UNAVAILABLE');
    expect(calls).toBe(1);
  });
});

describe('shutting down', () => {
  test('finishes the unary calls in flight and ends the streams', async () => {
    const release = Promise.withResolvers<undefined>();
    const started = Promise.withResolvers<undefined>();
    const served = await startServer(async () => {
      started.resolve(undefined);
      await release.promise;
    });
    await using client = clientOf(served.address);
    const watching = (async () => {
      let last = 0;
      for await (const { version } of client.watchInvalidations(
        {},
        { ...options(), signal: new AbortController().signal },
      )) {
        last = version;
      }
      return last;
    })().catch((error: unknown) => error);
    const call = client.resolve(request, options());
    await started.promise;

    const disposed = served[Symbol.asyncDispose]();
    expect(await watching).toMatchObject({ reason: 'SHUTTING_DOWN' });
    release.resolve(undefined);

    expect((await call).instanceId).toBe('one');
    await disposed;
  });
});

describe('a watch', () => {
  test('ends quietly when its reader’s signal aborts, and at the server', async () => {
    const ended = Promise.withResolvers<undefined>();
    await using served = await startServer(() => Promise.resolve(), {
      watch: async function* (_request, call) {
        try {
          while (!call.signal.aborted) {
            yield { version: 1, event: { $case: 'heartbeat', value: {} } };
            await sleep(5);
          }
        } finally {
          ended.resolve(undefined);
        }
      },
    });
    await using client = clientOf(served.address);
    const abort = new AbortController();
    let seen = 0;

    for await (const event of client.watchInvalidations({}, { ...options(), signal: abort.signal })) {
      seen += event.version;
      if (seen === 3) abort.abort();
    }

    expect(seen).toBeGreaterThanOrEqual(3);
    await ended.promise;
  });

  test('that is told to end before it has begun leaves no error behind', async () => {
    await using served = await startServer(() => Promise.resolve());
    await using client = clientOf(served.address);
    const signal = AbortSignal.abort();

    for await (const event of client.watchInvalidations({}, { ...options(), signal })) {
      throw new Error(`Nothing was expected, not ${JSON.stringify(event)}.`);
    }

    // By the time of this answer the watch has ended at grpc-js too; an error that nobody takes fails the test.
    expect((await client.resolve(request, options())).instanceId).toBe('one');
  });
});

describe('listening', () => {
  test('without TLS refuses an address that others can reach, and says what to set', async () => {
    const server = new RpcServer({
      app: 'vendordata',
      listen: ['0.0.0.0:0'],
      log: createLogger({ app: 'test', level: 'error' }),
      registry: new Registry(),
    });
    await expect(server.listen()).rejects.toThrow(/\[rpc\] cert_file/);
  });

  test('health and reflection answer a client that has no schema', async () => {
    await using served = await startServer(() => Promise.resolve());
    const curl = async (method: string, data: string): Promise<unknown> => {
      const { stdout } = await promisify(execFile)('npx', [
        'buf',
        'curl',
        '--protocol',
        'grpc',
        '--http2-prior-knowledge',
        '-d',
        data,
        `http://${served.address}/${method}`,
      ]);
      return JSON.parse(stdout);
    };

    const answer = await curl('hallmark.vendordata.v1.VendordataService/Resolve', '{"target":"two"}');

    expect(answer).toEqual({ instanceId: 'two' });
  });
});
