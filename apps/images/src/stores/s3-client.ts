import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { HallmarkError } from '@hallmark/errors';
import type { ImageStoreOptions } from '@hallmark/runtime';
import { storeFull, storeReadOnly, storeUnavailable } from './store.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** For how long nothing may move. */
const IDLE_TIMEOUT_MS = 60_000;
const ATTEMPTS = 3;
const MOST_SOCKETS = 64;

/** Speaks S3 as Ceph's gateways, MinIO and AWS understand it. Retries are the SDK's and nobody else's. */
export function openS3(options: ImageStoreOptions): S3Client {
  const { s3_store_host: host = '', s3_store_cacert: cacert, s3_store_bucket_url_format: format } = options;
  const endpoint = /^https?:\/\//.test(host) ? host : `https://${host}`;
  const agent = { keepAlive: true, maxSockets: MOST_SOCKETS };
  return new S3Client({
    endpoint,
    region: regionOf(options, endpoint),
    credentials: {
      accessKeyId: options.s3_store_access_key ?? '',
      secretAccessKey: options.s3_store_secret_key ?? '',
    },
    // Names of buckets are not in the DNS of most clouds: path, unless the operator or Amazon says otherwise.
    forcePathStyle: format === 'path' || (format === 'auto' && !isAmazon(endpoint)),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    // Newer checksums than Content-MD5 are not understood everywhere.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ...(cacert !== undefined && { ca: readFileSync(cacert) }) }),
    },
  });
}

const isAmazon = (endpoint: string): boolean => /\.amazonaws\.com(\.cn)?(:|\/|$)/.test(endpoint);

/** Signatures need one; services of one's own take this one. */
function regionOf({ s3_store_region_name: name }: ImageStoreOptions, endpoint: string): string {
  if (name !== '') return name;
  return /s3[.-]([a-z]{2}-[a-z]+-\d)\./.exec(endpoint)?.[1] ?? 'us-east-1';
}

const FULL = new Set(['QuotaExceeded', 'InsufficientCapacity', 'XMinioStorageFull', 'EntityTooLarge']);

/** What a failure of the service means. What `data` threw is given back as it is. */
export function s3Failure(storeId: string, thrown: unknown): unknown {
  if (thrown instanceof HallmarkError) return thrown;
  if (!(thrown instanceof S3ServiceException)) return storeUnavailable(storeId, 'does not answer', thrown);
  const status = thrown.$metadata.httpStatusCode;
  if (FULL.has(thrown.name) || status === 507) return storeFull(storeId, thrown);
  if (status === 403) return storeReadOnly(thrown);
  if (thrown.name === 'NoSuchBucket') return storeUnavailable(storeId, 'has no such bucket', thrown);
  return storeUnavailable(storeId, `failed with ${thrown.name}`, thrown);
}
