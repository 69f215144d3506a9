import { createService, listen, type ListenOptions, type RunningTarget } from './service.ts';

const RETRY_AFTER_SECONDS = 5;

/**
 * A service in trouble. It fails the way a service should: at once, with 503, and saying when to
 * come back. Hallmark leaves it alone until then.
 */
export async function startBroken(options: ListenOptions = {}): Promise<RunningTarget> {
  const service = createService();

  service.post('/', async (_request, reply) =>
    reply
      .code(503)
      .header('retry-after', RETRY_AFTER_SECONDS)
      .send({ error: { code: 503, message: 'The directory behind this service is down.' } }),
  );

  return listen(service, options);
}
