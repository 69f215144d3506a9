import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '@hallmark/runtime';
import type { CacheEvents } from './cache-events.ts';
import type { CacheConfig, RedisConnections } from './redis-connections.ts';
import { RedisGuard } from './redis-guard.ts';
import { RedisNames } from './redis-names.ts';
import { PROBE, run } from './redis-scripts.ts';
import type { Script } from './redis-scripts.ts';
import { Subscription } from './redis-subscription.ts';

type Commands = Redis | Cluster;

/** Runs a script; for use inside `attempt`. */
export type RunScript = (
  script: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
) => Promise<unknown>;

const NO_REASON = 'the connection was closed';
const PROBE_INTERVAL_MS = 1_000;
/** One bad look may be a moment's; the second in a row is told. */
const BAD_LOOKS_BEFORE_LOST = 2;
/** Echoes that may be missing before the subscription counts as a connection to nowhere. */
const MISSING_ECHOES = 3;

/**
 * This process's link to Redis: one connection for commands, one for subscriptions, and a probe each
 * second that sends a message to itself, so that a silent loss of either is found.
 */
export class RedisLink implements AsyncDisposable {
  readonly names: RedisNames;
  /** Where messages for this process go. */
  readonly inbox: string;
  readonly #redis: Commands;
  readonly #connections: RedisConnections;
  readonly #guard: RedisGuard;
  readonly #events: CacheEvents;
  readonly #listeners = new Map<string, (message: Buffer) => void>();
  readonly #stop = new AbortController();
  #subscription: Subscription | undefined;
  #probing = Promise.resolve();
  #catchUp: (run: RunScript) => Promise<void> = () => Promise.resolve();
  #afterGap: () => void = () => undefined;
  #trouble: unknown = NO_REASON;
  #healthy = false;
  #badLooks = 0;
  #missingEchoes = 0;

  constructor(config: CacheConfig, connections: RedisConnections, clock: Clock, events: CacheEvents) {
    this.names = new RedisNames(config.key_prefix);
    this.inbox = this.names.inbox(randomBytes(12).toString('base64url'));
    this.#connections = connections;
    this.#redis = connections.commands();
    this.#redis.on('error', this.#noteTrouble);
    this.#guard = new RedisGuard(config.redis_timeout * 1000, clock, events, this.#noteTrouble);
    this.#events = events;
    this.listen(this.inbox, (message) => {
      if (message.length === 0) this.#missingEchoes = 0;
    });
  }

  /** Whether Redis answers and tells. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** Adds a listener to one of the two channels, before `start`. */
  listen(channel: string, listener: (message: Buffer) => void): void {
    const before = this.#listeners.get(channel);
    this.#listeners.set(channel, (message) => {
      before?.(message);
      listener(message);
    });
  }

  /** What has to be made up for before Redis is used again after a loss. */
  onReturn(catchUp: (run: RunScript) => Promise<void>): void {
    this.#catchUp = catchUp;
  }

  /** Listening, for the first time or again; what was told before may have been missed. */
  onGap(afterGap: () => void): void {
    this.#afterGap = afterGap;
  }

  /** Connects. A Redis that is not there is no reason not to start: it is found when it comes. */
  async start(): Promise<void> {
    const listening = Promise.withResolvers<undefined>();
    this.#subscription = new Subscription({
      connect: (attempt) => this.#connections.subscriber(attempt),
      channels: [...this.#listeners.keys()],
      onMessage: (channel, message) => this.#listeners.get(channel)?.(message),
      onUp: () => {
        this.#missingEchoes = 0;
        this.#afterGap();
        listening.resolve(undefined);
      },
      onTrouble: this.#noteTrouble,
    });
    const patience = sleep(PROBE_INTERVAL_MS, undefined, { ref: false });
    await Promise.race([
      Promise.all([this.#redis.connect().catch(this.#noteTrouble), listening.promise]),
      patience,
    ]);
    await this.#look();
    this.#probing = this.#keepLooking();
  }

  /** Does something with Redis. Undefined: it did not come about, do without. */
  async attempt<T>(work: (run: RunScript) => Promise<T>): Promise<T | undefined> {
    return await this.#guard.attempt(() => work(this.#run));
  }

  /** Takes note of what a script said about its writes: nothing, or why Redis refused them. */
  noteWrite(refusal: unknown): void {
    if (Buffer.isBuffer(refusal)) this.#guard.refused(refusal.toString());
    else this.#guard.written();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#probing;
    await this.#subscription?.[Symbol.asyncDispose]();
    this.#redis.disconnect();
  }

  readonly #run: RunScript = (script, keys, args) => run(this.#redis, script, keys, args);

  readonly #noteTrouble = (cause: unknown): void => {
    // ioredis says so after it has said why.
    if (cause instanceof Error && cause.message === 'Connection is closed.') return;
    this.#trouble = cause;
  };

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await sleep(PROBE_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const answers = await this.#guard.probe(async () => {
      await this.#catchUp(this.#run);
      const refusal = await this.#run(PROBE, [this.names.probe], [this.inbox]);
      this.noteWrite(refusal);
      // A failover has made it a replica; its successor is where Sentinel or the address now points.
      if (Buffer.isBuffer(refusal) && refusal.toString().startsWith('READONLY')) this.#redis.disconnect(true);
      return true;
    });
    if (answers === true && this.#subscription?.up === true) this.#missingEchoes += 1;
    if (this.#missingEchoes > MISSING_ECHOES) this.#subscription?.reconnect();
    this.#judge(answers === true && this.#subscription?.up === true);
  }

  #judge(good: boolean): void {
    const wasLost = this.#badLooks >= BAD_LOOKS_BEFORE_LOST;
    this.#badLooks = good ? 0 : this.#badLooks + 1;
    if (good) {
      this.#trouble = NO_REASON;
      if (wasLost) this.#events.redisBack();
      else if (!this.#healthy) this.#events.redisFound();
      this.#healthy = true;
    } else if (this.#badLooks === BAD_LOOKS_BEFORE_LOST) {
      this.#events.redisLost(this.#trouble);
      this.#healthy = false;
    }
  }
}
