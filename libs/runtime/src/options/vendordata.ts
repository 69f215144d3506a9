import { z } from 'zod';
import { addresses, bool, choice, endpoints, float, int, list, str } from '../config/oslo-types.ts';
import { allOrNone, atMostOne, needs } from './checks.ts';

export const vendordata = z
  .object({
    workers: int({ min: 1 }).default(1).describe('Processes on this machine that share the listeners.'),
    listen: addresses()
      .default(['127.0.0.1:8782'])
      .describe('Where the other processes of Hallmark connect.'),
    ops_listen: addresses()
      .default(['127.0.0.1:8792'])
      .describe('Where liveness (/healthz), readiness (/readyz) and metrics (/metrics) are answered.'),
    allowed_clients: list()
      .default([])
      .describe(
        'Names, in their certificates, of the clients that may call, when `[rpc]` has mutual TLS, and then needed.',
      ),
    resolve_timeout: float({ min: 0.1 })
      .optional()
      .describe(
        'Seconds that all targets together may take. Not set: half a second less than `[api] vendordata_dynamic_read_timeout`, so that the answer is there before Nova gives up.',
      ),
    compose_cloud_init: bool()
      .default(false)
      .describe(
        'Whether the `cloud-init` members of all targets are combined into one, in configured order, so that several targets can speak to cloud-init.',
      ),
  })
  .describe(
    'The vendordata process: asks the targets, keeps their answers and applies the failure policies.',
  );

export const vendordata_cache = z
  .object({
    max_bytes: int({ min: 0 })
      .default(67_108_864)
      .describe(
        'Memory, in bytes and for each worker, for answers that targets allow to be kept. 0 keeps none.',
      ),
    redis_url: str()
      .optional()
      .meta({ secret: true })
      .describe(
        'A single Redis that the replicas share, redis://HOST:PORT/DB or rediss:// for TLS. Not set, and no Sentinel or Cluster: answers are kept in each process only.',
      ),
    redis_sentinels: endpoints()
      .default([])
      .describe('The Sentinels that know where Redis is, instead of `redis_url`.'),
    redis_sentinel_name: str().optional().describe('The name under which the Sentinels know the Redis.'),
    redis_cluster_nodes: endpoints()
      .default([])
      .describe('Some nodes of a Redis Cluster, instead of `redis_url`.'),
    redis_username: str().optional().describe('User name at Redis.'),
    redis_password_file: str().optional().describe('File with the password at Redis, on one line.'),
    redis_cafile: str()
      .optional()
      .describe(
        'File with the certificate authorities against which Redis is verified. Set, it also turns TLS on for Sentinel and Cluster.',
      ),
    redis_timeout: float({ min: 0.01 })
      .default(0.25)
      .describe('Seconds that one command may take before the request goes on without Redis.'),
    key_file: str()
      .optional()
      .describe(
        'File with the keys for what is kept in Redis, 32 bytes in base64 on a line each. The first encrypts, all decrypt. Needed with Redis.',
      ),
    key_prefix: str().default('hallmark').describe('What the names of all keys in Redis begin with.'),
  })
  .superRefine(...atMostOne('redis_url', 'redis_sentinels', 'redis_cluster_nodes'))
  .superRefine(...needs('redis_sentinels', 'redis_sentinel_name'))
  .superRefine(...needs('redis_url', 'key_file'))
  .superRefine(...needs('redis_sentinels', 'key_file'))
  .superRefine(...needs('redis_cluster_nodes', 'key_file'))
  .describe('Where the answers of targets are kept.');

export const vendordata_target = z
  .object({
    url: str()
      .optional()
      .meta({ secret: true })
      .describe('Where the target is. Not set: as `[api] vendordata_dynamic_targets` says.'),
    failure: choice('fatal', 'omit', 'stale')
      .optional()
      .describe(
        'What the failure of this target means: `fatal` fails the whole answer, `omit` puts {} in its place, `stale` gives its last good answer, and {} where there is none. Not set: as `[api] vendordata_dynamic_failure_fatal` says.',
      ),
    connect_timeout: float({ min: 0.001 })
      .optional()
      .describe('Seconds to wait for a connection. Not set: `[api] vendordata_dynamic_connect_timeout`.'),
    read_timeout: float({ min: 0.001 })
      .optional()
      .describe('Seconds to wait for the next bytes. Not set: `[api] vendordata_dynamic_read_timeout`.'),
    total_timeout: float({ min: 0.001 })
      .optional()
      .describe('Seconds for the whole exchange. Not set: the sum of the two above.'),
    cafile: str()
      .optional()
      .describe(
        'File with the certificate authorities against which the target is verified. Not set: `[api] vendordata_dynamic_ssl_certfile`.',
      ),
    certfile: str().optional().describe('File with the client certificate that is shown to the target.'),
    keyfile: str().optional().describe('File with the key of that certificate.'),
    max_response_bytes: int({ min: 1 })
      .default(1_048_576)
      .describe('Largest answer, in bytes and after decompression.'),
    max_stale: float({ min: 0 })
      .default(86_400)
      .describe(
        'Seconds beyond its freshness for which the last good answer may stand in, with `failure = stale`.',
      ),
    projects: list()
      .default([])
      .describe('Ids of the projects for whose instances this target is asked. Empty: all.'),
    exclude_projects: list()
      .default([])
      .describe('Ids of the projects for whose instances this target is not asked.'),
    max_concurrency: int({ min: 1 })
      .default(64)
      .describe('Requests to this target at one time from one worker; more wait for their turn.'),
    default_cache_control: str()
      .optional()
      .describe(
        'Stands in, as the word of the operator, where the target sends neither Cache-Control nor Expires, such as `max-age=60`.',
      ),
    breaker_failures: int({ min: 1 })
      .default(5)
      .describe('Failures one after another after which the target is left alone for a while.'),
    breaker_reset: float({ min: 0.001 })
      .default(10)
      .describe('Seconds after which a target that was left alone is tried again.'),
  })
  .superRefine(...allOrNone('certfile', 'keyfile'))
  .describe('What nova.conf cannot say about the target NAME. A section for each target that needs one.');
