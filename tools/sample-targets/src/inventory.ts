import { createHash } from 'node:crypto';
import { bootRoles, INSTANCE_SCHEMA, type Instance } from './instance.ts';
import { createService, listen, type ListenOptions, type RunningTarget } from './service.ts';

const FRESH_FOR = 'max-age=300';

/**
 * A service whose answers may be reused: where the instance stands and who pays for it. It says
 * for how long, and marks each version with an `ETag`, so that Hallmark can afterwards ask
 * "still the same?" and be answered 304 without a body.
 */
export async function startInventory(options: ListenOptions = {}): Promise<RunningTarget> {
  const service = createService();

  service.post<{ Body: Instance }>('/', { schema: { body: INSTANCE_SCHEMA } }, async (request, reply) => {
    const answer = JSON.stringify(inventoryOf(request.body));
    const etag = `"${createHash('sha256').update(answer).digest('base64url')}"`;
    reply.headers({ 'cache-control': FRESH_FOR, etag });

    if (namesVersion(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return reply.type('application/json').send(answer);
  });

  return listen(service, options);
}

/** The same instance gets the same answer each time: derived from what is known, never drawn by lot. */
function inventoryOf(instance: Instance): object {
  const digest = createHash('sha256').update(instance['instance-id']).digest();
  return {
    asset: `HM-${instance['instance-id'].slice(0, 8)}`,
    rack: `r${digest.readUInt8(0) % 40}`,
    'cost-centre': instance['project-id'].slice(0, 8),
    'booted-as': bootRoles(instance),
  };
}

/** Whether `If-None-Match` names this version (RFC 9110, 13.1.2: weak comparison, a list, or `*`). */
function namesVersion(header: string | undefined, etag: string): boolean {
  const named = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return named.includes(etag) || named.includes('*');
}
