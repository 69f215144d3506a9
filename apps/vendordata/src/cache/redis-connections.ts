import { readFileSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { ConfigError, parseListenAddress } from '@hallmark/runtime';
import type { Config } from '@hallmark/runtime';
import { errorCode } from '../error-code.ts';

export type CacheConfig = Config['vendordata_cache'];

/** How to reach the configured Redis. Nothing is connected yet. */
export interface RedisConnections {
  /** For commands; reconnects by itself. */
  commands(): Redis | Cluster;
  /** For one life of a subscription; ends when the connection does. `attempt` tells which node of a Cluster. */
  subscriber(attempt: number): Redis;
}

const LONGEST_PAUSE_MS = 1_000;
const COMMAND_GRACE_MS = 2_000;
/** How long the other side may take to close, too. */
const CLOSING_MS = 250;

/** The pause before the next attempt to connect: quick at first, then bounded, so that it is back soon after Redis. */
export const reconnectPauseMs = (attempt: number): number =>
  Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE_MS);

/** Undefined when no Redis is configured. Throws a ConfigError for a file that cannot be read. */
export function redisConnections(config: CacheConfig): RedisConnections | undefined {
  const { redis_url: url, redis_sentinels: sentinels, redis_cluster_nodes: nodes } = config;
  const options = commonOptions(config);
  const alone: RedisOptions = { ...options, retryStrategy: null };
  if (nodes.length > 0) {
    const addresses = nodes.map(parseListenAddress);
    const tls = tlsOf(config);
    return {
      commands: () => new Cluster(addresses, clusterOptions(config, { ...options, ...tls })),
      subscriber: (attempt) => new Redis({ ...alone, ...tls, ...addresses[attempt % addresses.length] }),
    };
  }
  if (sentinels.length > 0) {
    const sentinel = sentinelOptions(config, sentinels);
    return {
      // A null here would end the connection for good when no Sentinel answers.
      commands: () => new Redis({ ...options, ...sentinel, sentinelRetryStrategy: reconnectPauseMs }),
      subscriber: () => new Redis({ ...alone, ...sentinel, sentinelRetryStrategy: () => null }),
    };
  }
  if (url === undefined) return undefined;
  if (!/^rediss?:\/\/./.test(url)) {
    // Not a word of it in the message: it may hold a password.
    const message = '[vendordata_cache] redis_url: must begin with redis:// or rediss://';
    throw new ConfigError([{ where: '[vendordata_cache] redis_url', message }]);
  }
  const tls = url.startsWith('rediss:') ? { tls: authorities(config) } : {};
  return {
    commands: () => new Redis(url, { ...options, ...tls }),
    subscriber: () => new Redis(url, { ...alone, ...tls }),
  };
}

function commonOptions(config: CacheConfig): RedisOptions {
  const timeoutMs = config.redis_timeout * 1000;
  const { redis_username: username, redis_password_file: passwordFile } = config;
  return {
    // What is undefined here would overrule what the URL says.
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined
      ? {}
      : { password: readOption('redis_password_file', passwordFile).trim() }),
    connectionName: 'hallmark-vendordata',
    lazyConnect: true,
    connectTimeout: timeoutMs,
    // Without it a command to a peer that drops connections may never settle (toolchain.md, section 7).
    // The guard gives up at `timeoutMs`, and more fairly: this timer also blames Redis for a busy process.
    commandTimeout: timeoutMs + COMMAND_GRACE_MS,
    disconnectTimeout: CLOSING_MS,
    // A command either works now or is not worth having: the request goes on without Redis.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: reconnectPauseMs,
    // After a failover the old master may still be there, as a replica that takes no writes.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

function sentinelOptions(config: CacheConfig, sentinels: readonly string[]): RedisOptions {
  const { redis_sentinel_name: name } = config;
  const { tls } = tlsOf(config);
  return {
    sentinels: sentinels.map(parseListenAddress),
    ...(name === undefined ? {} : { name }),
    sentinelCommandTimeout: config.redis_timeout * 1000,
    ...(tls === undefined ? {} : { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

function clusterOptions(config: CacheConfig, redisOptions: RedisOptions): ClusterOptions {
  const timeoutMs = config.redis_timeout * 1000;
  return {
    redisOptions,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectPauseMs,
    slotsRefreshTimeout: timeoutMs,
    // One move of a slot is ordinary; a request does not wait for a cluster that is sorting itself out.
    maxRedirections: 3,
  };
}

/** Sentinel and Cluster have no URL to say it: the file turns TLS on. */
const tlsOf = (config: CacheConfig): Pick<RedisOptions, 'tls'> =>
  config.redis_cafile === undefined ? {} : { tls: authorities(config) };

function authorities({ redis_cafile: cafile }: CacheConfig): NonNullable<RedisOptions['tls']> {
  return cafile === undefined ? {} : { ca: readOption('redis_cafile', cafile) };
}

function readOption(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError([
      { where: path, message: `${path}: [vendordata_cache] ${option}: cannot be read (${errorCode(cause)})` },
    ]);
  }
}
