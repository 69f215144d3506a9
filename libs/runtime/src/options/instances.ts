import { z } from 'zod';
import { addresses, bool, choice, float, int, list, str } from '../config/oslo-types.ts';
import { allOrNone } from './checks.ts';

export const instances = z
  .object({
    workers: int({ min: 1 }).default(1).describe('Processes on this machine that share the listeners.'),
    listen: addresses()
      .default(['127.0.0.1:8783'])
      .describe('Where the other processes of Hallmark connect.'),
    data_listen: addresses()
      .default(['127.0.0.1:8784'])
      .describe('Where the gateway fetches config drives, over HTTP.'),
    ops_listen: addresses()
      .default(['127.0.0.1:8793'])
      .describe('Where liveness (/healthz), readiness (/readyz) and metrics (/metrics) are answered.'),
    allowed_clients: list()
      .default([])
      .describe(
        'Names, in their certificates, of the clients that may call, when `[rpc]` has mutual TLS, and then needed.',
      ),
    build_concurrency: int({ min: 1 }).default(4).describe('Config drives that one worker builds at a time.'),
    build_lease: float({ min: 1 })
      .default(30)
      .describe(
        'Seconds after which a build, whose process has not been heard of, is taken up by another. A living one renews its lease.',
      ),
    build_timeout: float({ min: 0 })
      .default(300)
      .describe(
        'Seconds for which a build is tried again while the vendordata service cannot be reached; then the instance goes into ERROR.',
      ),
    deleted_retention: float({ min: 0 })
      .default(604_800)
      .describe(
        'Seconds for which the record of a deleted instance is kept, so that its id is not given again. Its secrets go at once.',
      ),
  })
  .describe('The instances process: keeps the records of booted instances and builds config drives.');

export const config_drive = z
  .object({
    min_lifetime: float({ min: 0 })
      .default(300)
      .describe(
        'Seconds for which the answer of a target must be good, by its Cache-Control, to be frozen onto a config drive without a word.',
      ),
    short_lived: choice('warn', 'omit', 'fatal')
      .default('warn')
      .describe(
        'What becomes of an answer that is good for a shorter time, or says no-store: `warn` freezes it and records it with the instance, `omit` puts {} in its place and records that, `fatal` puts the instance into ERROR. An answer that says nothing of its lifetime counts as good.',
      ),
  })
  .describe('What may be frozen onto config drives.');

export const postgres = z
  .object({
    url: str()
      .optional()
      .meta({ secret: true })
      .describe(
        'The database, postgresql://USER@HOST:PORT/NAME, that all replicas share. Not set: `npm run serve` starts a PostgreSQL of its own in `data_directory`.',
      ),
    password_file: str().optional().describe('File with the password, on one line.'),
    cafile: str()
      .optional()
      .describe(
        'File with the certificate authorities against which the server is verified. Set, it also turns TLS on.',
      ),
    pool_size: int({ min: 2 }).default(10).describe('Connections of one worker.'),
    connect_timeout: float({ min: 0.1 }).default(5).describe('Seconds to wait for a connection.'),
    statement_timeout: float({ min: 0.1 }).default(10).describe('Seconds that one statement may take.'),
    data_directory: str()
      .default('.hallmark/postgres')
      .describe(
        'Where `npm run serve` keeps the data of the PostgreSQL that it starts when `url` is not set, relative to the working directory.',
      ),
  })
  .describe('PostgreSQL, where records and unfinished work are kept.');

export const gateway_guest = z
  .object({
    listen: addresses()
      .default([])
      .describe(
        "Where Neutron's metadata proxy connects, commonly 0.0.0.0:8775 in the place of Nova's metadata API. Empty: guests are not answered.",
      ),
    cert_file: str()
      .optional()
      .describe('File with the certificate, and its chain, for TLS. Not set: no TLS.'),
    key_file: str().optional().describe('File with the key of that certificate.'),
    shared_secrets_file: str()
      .optional()
      .describe(
        'File with more shared secrets of metadata proxies, one a line, that are good beside `[neutron] metadata_proxy_shared_secret`, so that one can be rotated.',
      ),
    allow_empty_secret: bool()
      .default(false)
      .describe(
        'Whether to start with an empty `[neutron] metadata_proxy_shared_secret`, with which anyone who reaches the listener may pose as any guest.',
      ),
    remote_address_mode: bool()
      .default(false)
      .describe(
        'Whether a guest is known by its TCP address where `[neutron] service_metadata_proxy` is false, as Nova does. Only safe where guests reach the listener directly and no two networks overlap.',
      ),
    session_tokens: choice('off', 'optional', 'required')
      .default('optional')
      .describe(
        'Whether guests may get a session token by PUT /latest/api/token, and whether they must show one to read anything.',
      ),
    wait_timeout: float({ min: 1, max: 600 })
      .default(20)
      .describe(
        "Longest wait, in seconds, of a request with wait_for_change=true. Below the 32 s of Neutron's haproxy.",
      ),
    max_waiters: int({ min: 0 })
      .default(20_000)
      .describe('Requests of one worker that may wait for a change at a time; more are answered 503.'),
    rate_limit: float({ min: 0 })
      .default(0)
      .describe('Requests a second that one instance may make to one worker. 0: any number.'),
    rate_burst: int({ min: 1 })
      .default(60)
      .describe(
        'Requests that one instance may make at once beyond that; a crawl of cloud-init is about 30.',
      ),
  })
  .superRefine(...allOrNone('cert_file', 'key_file'))
  .describe('The listener for guests.');

export const boot_api = z
  .object({
    reader_roles: list()
      .default(['reader', 'member'])
      .describe(
        'Roles of which whoever reads the instances of its project must have one, in any case of letters.',
      ),
    writer_roles: list()
      .default(['member'])
      .describe(
        'Roles of which whoever boots, changes, rebuilds or deletes instances of its project must have one, in any case of letters.',
      ),
    admin_roles: list()
      .default(['admin'])
      .describe(
        'Roles with which a caller may do all that with the instances of every project, in any case of letters. A token scoped to the system may read them with a role of `reader_roles`.',
      ),
    timeout: float({ min: 0.1 })
      .default(10)
      .describe(
        'Longest wait, in seconds, for identity and for the instances service, beside the wait that a caller asks for with `Prefer: wait`.',
      ),
  })
  .describe('The boot API, under `/v1` on the listener for Nova, when `[rpc] instances_endpoints` is set.');
