import { percentile } from '../measure/statistics.ts';
import { Connection } from './connection.ts';
import type { LoadPlan, LoadResult } from './plan.ts';
import { requestsOf, type Requests } from './requests.ts';

/** When nobody is answered for this time, it is a failure of all who wait, told as status 0. */
const SILENCE_MS = 30_000;

/** Opens all connections, then keeps each busy with one request after the other. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const connections = await Promise.all(
    Array.from({ length: plan.connections }, async () => Connection.open(plan.port)),
  );
  const run = new LoadRun(plan);
  const silence = setInterval(() => {
    if (run.silentMs > SILENCE_MS) closeAll(connections);
  }, 1_000);
  await Promise.all(connections.map(async (connection) => run.keepBusy(connection)));
  clearInterval(silence);
  closeAll(connections);
  return run.result();
}

function closeAll(connections: readonly Connection[]): void {
  for (const connection of connections) connection.close();
}

class LoadRun {
  readonly #requests: () => Requests;
  readonly #latenciesMs: number[] = [];
  readonly #failures: Record<number, number> = {};
  readonly #startedAt = performance.now();
  readonly #endAt: number;
  #left: number;
  #lastAnswerAt = this.#startedAt;

  constructor(plan: LoadPlan) {
    this.#requests = requestsOf(plan);
    this.#left = plan.requests ?? Infinity;
    this.#endAt = this.#startedAt + (plan.durationMs ?? Infinity);
  }

  /** How long ago the last answer came. */
  get silentMs(): number {
    return performance.now() - this.#lastAnswerAt;
  }

  async keepBusy(connection: Connection): Promise<void> {
    const done = Promise.withResolvers<undefined>();
    const requests = this.#requests();
    const next = (): void => {
      const request = this.#left <= 0 || performance.now() >= this.#endAt ? undefined : requests();
      if (!request) {
        done.resolve(undefined);
        return;
      }
      this.#left -= 1;
      const sentAt = performance.now();
      connection.send(request, (status) => {
        this.#lastAnswerAt = performance.now();
        this.#latenciesMs.push(this.#lastAnswerAt - sentAt);
        if (status < 200 || status > 299) this.#failures[status] = (this.#failures[status] ?? 0) + 1;
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
