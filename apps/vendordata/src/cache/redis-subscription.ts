import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { reconnectPauseMs } from './redis-connections.ts';

interface SubscriptionOptions {
  /** A connection for one life of the subscription. */
  readonly connect: (attempt: number) => Redis;
  readonly channels: readonly string[];
  readonly onMessage: (channel: string, message: Buffer) => void;
  /** Subscribed, for the first time or again: messages in between are lost. */
  readonly onUp: () => void;
  readonly onTrouble: (cause: unknown) => void;
}

/**
 * Listens to channels for as long as it lives, on a connection of its own. It reconnects by itself
 * rather than by ioredis, because each gap has to be known.
 */
export class Subscription implements AsyncDisposable {
  readonly #options: SubscriptionOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #redis: Redis | undefined;
  #up = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get up(): boolean {
    return this.#up;
  }

  /** For a connection that is there but silent. */
  reconnect(): void {
    this.#up = false;
    this.#redis?.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#redis?.disconnect();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    for (let attempt = 0; !this.#stop.signal.aborted; attempt += 1) {
      const subscribed = await this.#live(attempt);
      failures = subscribed ? 0 : failures + 1;
      await sleep(reconnectPauseMs(failures), undefined, { signal: this.#stop.signal }).catch(
        () => undefined,
      );
    }
  }

  /** One connection from its beginning to its end. Whether it got as far as listening. */
  async #live(attempt: number): Promise<boolean> {
    const { connect, channels, onMessage, onUp, onTrouble } = this.#options;
    const redis = connect(attempt);
    this.#redis = redis;
    redis.on('error', onTrouble);
    redis.on('messageBuffer', (channel: Buffer, message: Buffer) => onMessage(channel.toString(), message));
    const ended = new Promise((resolve) => redis.once('end', resolve));
    try {
      await redis.connect();
      await redis.subscribe(...channels);
      this.#up = true;
      onUp();
      await ended;
      return true;
    } catch (cause) {
      onTrouble(cause);
      return false;
    } finally {
      this.#up = false;
      if (redis.status !== 'end') redis.disconnect();
    }
  }
}
