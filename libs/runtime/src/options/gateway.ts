import { z } from 'zod';
import { addresses, float, int, list, str } from '../config/oslo-types.ts';
import { allOrNone } from './checks.ts';

export const gateway = z
  .object({
    workers: int({ min: 1 }).default(1).describe('Processes on this machine that share the listeners.'),
    ops_listen: addresses()
      .default(['127.0.0.1:8790'])
      .describe('Where liveness (/healthz), readiness (/readyz) and metrics (/metrics) are answered.'),
    cache_max_bytes: int({ min: 0 })
      .default(67_108_864)
      .describe(
        'Memory, in bytes and for each worker, for token validations and answers that may be given again without asking. 0 keeps none.',
      ),
    lost_watch_ttl: float({ min: 0 })
      .default(1)
      .describe(
        'Seconds for which an answer may be given again while the gateway cannot hear of invalidations.',
      ),
  })
  .describe('The gateway: the only door for other services, and a translator that decides no rule.');

export const gateway_nova = z
  .object({
    listen: addresses()
      .default(['0.0.0.0:8780'])
      .describe('Where Nova and other callers of the vendordata endpoint connect.'),
    cert_file: str()
      .optional()
      .describe('File with the certificate, and its chain, for TLS. Not set: no TLS.'),
    key_file: str().optional().describe('File with the key of that certificate.'),
    max_body_bytes: int({ min: 1 }).default(1_048_576).describe('Largest request body, in bytes.'),
  })
  .superRefine(...allOrNone('cert_file', 'key_file'))
  .describe('The listener for Nova.');

export const vendordata_endpoint = z
  .object({
    service_roles: list()
      .default(['service'])
      .describe('Roles of which the caller of the vendordata endpoint must have one.'),
    allowed_users: list()
      .default([])
      .describe(
        'Names or ids of the users who may call the vendordata endpoint. Empty: every user with such a role.',
      ),
  })
  .describe('Who may ask for vendordata.');
