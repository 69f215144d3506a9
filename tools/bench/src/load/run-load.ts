import { randomUUID } from 'node:crypto';
import { percentile } from '../measure/statistics.ts';
import { Connection } from './connection.ts';

/** Stands in the body where each request is to have an instance of its own. */
export const OWN_INSTANCE = '00000000-0000-0000-0000-000000000000';

/** What the load client is to do. It stops at `requests` or after `durationMs`, whichever is given. */
export interface LoadPlan {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly requests?: number;
  readonly durationMs?: number;
}

export interface LoadResult {
  readonly requests: number;
  /** How many were not answered with 200, by status; 0 is a broken connection. */
  readonly failures: Readonly<Record<number, number>>;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** No answer within this time is a failure of its own, told as status 0. */
const SILENCE_MS = 30_000;

/** Opens all connections, then keeps each busy with one request after the other. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const connections = await Promise.all(
    Array.from({ length: plan.connections }, async () => Connection.open(plan.port)),
  );
  const run = new LoadRun(plan);
  const silence = setTimeout(() => closeAll(connections), (plan.durationMs ?? 0) + SILENCE_MS);
  await Promise.all(connections.map(async (connection) => run.keepBusy(connection)));
  clearTimeout(silence);
  closeAll(connections);
  return run.result();
}

function closeAll(connections: readonly Connection[]): void {
  for (const connection of connections) connection.close();
}

class LoadRun {
  readonly #request: () => Buffer;
  readonly #latenciesMs: number[] = [];
  readonly #failures: Record<number, number> = {};
  readonly #startedAt = performance.now();
  readonly #endAt: number;
  #left: number;
  #lastAnswerAt = this.#startedAt;

  constructor(plan: LoadPlan) {
    this.#request = requestMaker(plan);
    this.#left = plan.requests ?? Infinity;
    this.#endAt = this.#startedAt + (plan.durationMs ?? Infinity);
  }

  async keepBusy(connection: Connection): Promise<void> {
    const done = Promise.withResolvers<undefined>();
    const next = (): void => {
      if (this.#left <= 0 || performance.now() >= this.#endAt) {
        done.resolve(undefined);
        return;
      }
      this.#left -= 1;
      const sentAt = performance.now();
      connection.send(this.#request(), (status) => {
        this.#lastAnswerAt = performance.now();
        this.#latenciesMs.push(this.#lastAnswerAt - sentAt);
        if (status !== 200) this.#failures[status] = (this.#failures[status] ?? 0) + 1;
        // After a broken connection its share of the requests fails too, quickly: a bench with failures is void anyway.
        next();
      });
    };
    next();
    await done.promise;
  }

  result(): LoadResult {
    return {
      requests: this.#latenciesMs.length,
      failures: this.#failures,
      seconds: (this.#lastAnswerAt - this.#startedAt) / 1000,
      p50Ms: percentile(this.#latenciesMs, 0.5),
      p99Ms: percentile(this.#latenciesMs, 0.99),
    };
  }
}

/** The bytes of a request; made once where all are the same. */
function requestMaker({ port, path, headers, body }: LoadPlan): () => Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ].join('\r\n');
  const request = `${head}\r\n\r\n${body}`;
  if (!body.includes(OWN_INSTANCE)) {
    const bytes = Buffer.from(request);
    return () => bytes;
  }
  return () => Buffer.from(request.replace(OWN_INSTANCE, randomUUID()));
}
