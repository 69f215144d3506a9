import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { INSTANCE_SCHEMA, type Instance } from './instance.ts';
import { createService, listen, untilHungUp, type ListenOptions, type RunningTarget } from './service.ts';

/** As long as the licence server behind such a service may take. */
const LOOKUP_MS = 400;

/**
 * A service that needs its time. Hallmark asks all services at once, so the others don't wait for
 * it in turn, and for the next 30 seconds nobody waits at all.
 */
export async function startSlow(options: ListenOptions = {}): Promise<RunningTarget> {
  const service = createService();

  service.post<{ Body: Instance }>('/', { schema: { body: INSTANCE_SCHEMA } }, async (request, reply) => {
    // When Hallmark's patience ends it hangs up, and the work for it ends too.
    await wait(LOOKUP_MS, undefined, { signal: untilHungUp(reply) });
    reply.header('cache-control', 'max-age=30');
    return { licence: licenceOf(request.body) };
  });

  return listen(service, options);
}

function licenceOf(instance: Instance): string {
  const digits = createHash('sha256').update(instance['instance-id']).digest('hex').toUpperCase();
  return `LIC-${digits.slice(0, 4)}-${digits.slice(4, 8)}`;
}
