import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, parseConfig, testContext } from '@hallmark/runtime';
import type { AppContext, Clock, WorkerBus } from '@hallmark/runtime';
import type { AnswerKey, AskTarget, CachePolicy, Outcome, TargetReply } from '../src/domain/answer.ts';
import { createAnswerCache } from '../src/cache/answer-cache.ts';
import type { AnswerCache } from '../src/cache/answer-cache.ts';

export const policy: CachePolicy = {
  maxStaleSeconds: undefined,
  defaultCacheControl: undefined,
  flightTimeoutMs: 4_500,
};

/** A signal that is never aborted: a caller with all the time there is. */
export const patient: AbortSignal = new AbortController().signal;

export function aKey(parts: Partial<AnswerKey> = {}): AnswerKey {
  return {
    target: 'cmdb',
    instanceId: randomUUID(),
    digest: randomBytes(32).toString('hex'),
    requestHeaders: { accept: 'application/json' },
    url: 'http://cmdb.example/',
    ...parts,
  };
}

export function reply(json: string, headers: string | Record<string, string> = 'max-age=60'): TargetReply {
  const fields = typeof headers === 'string' ? { 'cache-control': headers } : headers;
  return { kind: 'answered', status: 200, headers: fields, json: Buffer.from(json) };
}

export const notModified = (headers: Record<string, string> = {}): TargetReply => ({
  kind: 'not-modified',
  headers,
});

export const failure = (reason: 'CONNECT_FAILED' | 'BREAKER_OPEN' = 'CONNECT_FAILED'): TargetReply => ({
  kind: 'failed',
  failure: { reason, message: 'It refused the connection.' },
});

/** A target that says what it is told to and remembers how it was asked. */
export class Target {
  readonly asked: Readonly<Record<string, string>>[] = [];
  readonly aborted: unknown[] = [];
  /** What it says, perhaps by how often it has been asked. */
  answer: TargetReply | ((asked: number) => TargetReply | Promise<TargetReply>);
  /** Until it resolves, nobody gets an answer. */
  gate: Promise<unknown> = Promise.resolve();

  constructor(answer: Target['answer']) {
    this.answer = answer;
  }

  readonly ask: AskTarget = async (conditional, signal) => {
    const asked = this.asked.push(conditional);
    signal.addEventListener('abort', () => this.aborted.push(signal.reason));
    await this.gate;
    return typeof this.answer === 'function' ? await this.answer(asked) : this.answer;
  };

  /** Holds the answers back until the function that it gives is called. */
  close(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.gate = promise;
    return () => resolve(undefined);
  }
}

/** A clock that a test may set forward. */
export class SkippingClock implements Clock {
  #aheadMs = 0;
  now(): number {
    return Date.now() + this.#aheadMs;
  }
  skip(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }
}

/** For tests that are not about time: a busy machine must not look like a slow Redis. */
export const UNHURRIED = ['redis_timeout = 5'];

export interface ReplicaOptions {
  /** Lines of `[vendordata_cache]`. */
  readonly config?: readonly string[];
  readonly bus?: WorkerBus;
  readonly clock?: Clock;
}

/** One vendordata process as far as its cache goes, with what it logs and counts. */
export class Replica implements AsyncDisposable {
  readonly cache: AnswerCache;
  readonly clock: SkippingClock;
  readonly #context: AppContext;
  readonly #lines: string[];

  private constructor(cache: AnswerCache, clock: SkippingClock, context: AppContext, lines: string[]) {
    this.cache = cache;
    this.clock = clock;
    this.#context = context;
    this.#lines = lines;
  }

  static async start({ config = [], bus }: ReplicaOptions = {}): Promise<Replica> {
    const lines: string[] = [];
    const log = createLogger({
      app: 'vendordata',
      level: 'info',
      destination: { write: (line: string) => void lines.push(line) },
    });
    const plain = testContext('vendordata');
    const context = { ...plain, log, bus: bus ?? plain.bus };
    const clock = new SkippingClock();
    const { vendordata_cache } = parseConfig(['[vendordata_cache]', ...config].join('\n'));
    const cache = await createAnswerCache({ config: vendordata_cache, epoch: 'e1', context, clock });
    return new Replica(cache, clock, context, lines);
  }

  /** What was logged at `warn` and below `error`, or about Redis being back, as messages. */
  get logged(): string[] {
    return this.#lines.map((line) => String((JSON.parse(line) as { msg: unknown }).msg));
  }

  get log(): string {
    return this.#lines.join('');
  }

  async resolve(
    key: AnswerKey,
    target: Target,
    { signal = patient, ...rules }: Partial<CachePolicy> & { signal?: AbortSignal } = {},
  ): Promise<Outcome> {
    return await this.cache.resolve(key, { ...policy, ...rules }, target.ask, signal);
  }

  /** The value of a metric; of the labelled one when labels are given. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    const metric = await this.#context.registry.getSingleMetric(name)?.get();
    return metric?.values.find((value) =>
      Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted),
    )?.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cache[Symbol.asyncDispose]();
  }
}

export const aSealingKey = (): string => randomBytes(32).toString('base64');

/** A key file in a folder of its own. */
export async function aKeyFile(...lines: string[]): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-keys-'));
  const path = join(folder, 'keys');
  await writeFile(path, (lines.length === 0 ? [aSealingKey()] : lines).join('\n'));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** The text of an answer, whichever way it came. */
export const textOf = (outcome: Outcome): string =>
  outcome.kind === 'failed' ? outcome.failure.reason : outcome.json.toString();

/** How an answer came: its source, or that it was stale or failed. */
export const sourceOf = (outcome: Outcome): string =>
  outcome.kind === 'answered' ? outcome.source : outcome.kind;

/** The buses of two workers on one machine. */
export function twoWorkers(): [WorkerBus, WorkerBus] {
  type Listener = Parameters<WorkerBus['subscribe']>[1];
  const listeners: [Set<Listener>, Set<Listener>] = [new Set(), new Set()];
  const bus = (own: Set<Listener>, others: Set<Listener>): WorkerBus => ({
    publish: (_topic, message) => others.forEach((listener) => listener(message)),
    subscribe: (_topic, listener) => {
      own.add(listener);
      return () => own.delete(listener);
    },
  });
  return [bus(listeners[0], listeners[1]), bus(listeners[1], listeners[0])];
}
