import { ConfigError } from '@hallmark/runtime';
import type { Clock } from '@hallmark/runtime';
import type { CacheEvents } from './cache-events.ts';
import { KeyFile } from './key-file.ts';
import type { CacheConfig, RedisConnections } from './redis-connections.ts';
import { RedisLink } from './redis-link.ts';
import { SharedAnswers } from './shared-answers.ts';
import { SharedPurges } from './shared-purges.ts';

/** All that goes through Redis, put together. */
export class SharedCache implements AsyncDisposable {
  readonly answers: SharedAnswers;
  readonly purges: SharedPurges;
  readonly #link: RedisLink;
  readonly #keys: KeyFile;

  private constructor(link: RedisLink, keys: KeyFile, clock: Clock) {
    this.#link = link;
    this.#keys = keys;
    this.answers = new SharedAnswers(link, keys, clock);
    this.purges = new SharedPurges(link, keys);
  }

  /** Throws a ConfigError when there is no usable key: what leaves the process is sealed or does not leave it. */
  static async open(
    config: CacheConfig,
    connections: RedisConnections,
    clock: Clock,
    events: CacheEvents,
  ): Promise<SharedCache> {
    const { key_file: keyFile } = config;
    if (keyFile === undefined) {
      const message = '[vendordata_cache] key_file: needed with Redis, because what is kept there is sealed';
      throw new ConfigError([{ where: 'default', message }]);
    }
    const keys = await KeyFile.open(keyFile, events);
    return new SharedCache(new RedisLink(config, connections, clock, events), keys, clock);
  }

  get healthy(): boolean {
    return this.#link.healthy;
  }

  /** Connects, once everybody listens who has to. */
  async start(): Promise<void> {
    await this.#link.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
    await this.#keys[Symbol.asyncDispose]();
  }
}
