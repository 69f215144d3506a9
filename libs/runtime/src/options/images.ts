import { z } from 'zod';
import { addresses, bool, float, int, list, str } from '../config/oslo-types.ts';
import { allOrNone } from './checks.ts';

export const images = z
  .object({
    workers: int({ min: 1 }).default(1).describe('Processes on this machine that share the listeners.'),
    listen: addresses()
      .default(['127.0.0.1:8785'])
      .describe('Where the other processes of Hallmark connect.'),
    data_listen: addresses()
      .default(['127.0.0.1:8786'])
      .describe('Where the gateway sends and fetches image data, over HTTP.'),
    ops_listen: addresses()
      .default(['127.0.0.1:8795'])
      .describe('Where liveness (/healthz), readiness (/readyz) and metrics (/metrics) are answered.'),
    allowed_clients: list()
      .default([])
      .describe(
        'Names, in their certificates, of the clients that may call, when `[rpc]` has mutual TLS, and then needed.',
      ),
    staging_store: str()
      .optional()
      .describe(
        'The store of `[DEFAULT] enabled_backends` in which staged data waits for its import, so that replicas share it without a shared directory. Not set: as Glance says.',
      ),
    inject_on_upload: bool()
      .default(false)
      .describe(
        'Whether data that arrives without an import, by PUT file, gets the injected properties too, so that snapshots and uploaded volumes have them.',
      ),
    import_concurrency: int({ min: 1 }).default(4).describe('Imports that one worker runs at a time.'),
    import_lease: float({ min: 1 })
      .default(30)
      .describe(
        'Seconds after which an import, whose process has not been heard of, is taken up by another. A living one renews its lease.',
      ),
    upload_timeout: float({ min: 1 })
      .default(60)
      .describe('Seconds that a client may let pass between two pieces of data that it sends.'),
    download_connect_timeout: float({ min: 0.1 })
      .default(10)
      .describe('Seconds to wait for a connection of web-download.'),
    download_read_timeout: float({ min: 0.1 })
      .default(60)
      .describe('Seconds to wait for the next bytes of web-download.'),
    download_timeout: float({ min: 1 })
      .default(3600)
      .describe('Seconds that a web-download may take from its first byte to its last.'),
    download_max_redirects: int({ min: 0 }).default(5).describe('Redirects that a web-download follows.'),
    download_allowed_networks: list()
      .default([])
      .describe(
        'Networks, as 10.1.0.0/16, from which web-download may take images although they are private, loopback or link-local. All other addresses that are not global are refused.',
      ),
  })
  .describe('The images process: keeps images, their rules and their data.');

export const gateway_image = z
  .object({
    listen: addresses()
      .default([])
      .describe(
        'Where clients of the Image API connect, commonly 0.0.0.0:9292 in the place of Glance. Empty: there is no Image API.',
      ),
    cert_file: str()
      .optional()
      .describe('File with the certificate, and its chain, for TLS. Not set: no TLS.'),
    key_file: str().optional().describe('File with the key of that certificate.'),
    max_body_bytes: int({ min: 1 })
      .default(1_048_576)
      .describe('Longest body of a request that is not image data, in bytes.'),
    timeout: float({ min: 0.1 })
      .default(30)
      .describe('Seconds that the images process may take for one answer.'),
  })
  .superRefine(...allOrNone('cert_file', 'key_file'))
  .describe('The listener for the Image API.');
