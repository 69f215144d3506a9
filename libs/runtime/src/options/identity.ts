import { z } from 'zod';
import { addresses, float, int, list } from '../config/oslo-types.ts';

export const identity = z
  .object({
    workers: int({ min: 1 }).default(1).describe('Processes on this machine that share the listeners.'),
    listen: addresses()
      .default(['127.0.0.1:8781'])
      .describe('Where the other processes of Hallmark connect.'),
    ops_listen: addresses()
      .default(['127.0.0.1:8791'])
      .describe('Where liveness (/healthz), readiness (/readyz) and metrics (/metrics) are answered.'),
    allowed_clients: list()
      .default([])
      .describe(
        'Names, in their certificates, of the clients that may call, when `[rpc]` has mutual TLS, and then needed.',
      ),
    cache_max_entries: int({ min: 0 })
      .default(20_000)
      .describe('How many validated tokens each worker keeps.'),
    keystone_timeout: float({ min: 0.1 })
      .default(5)
      .describe(
        'Seconds that one call to Keystone may take where the section with the login has no `timeout`.',
      ),
  })
  .describe('The identity process: the only one that knows Keystone and holds credentials.');
