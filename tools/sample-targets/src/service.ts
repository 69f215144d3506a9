import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';

/** A vendordata service that is up. */
export interface RunningTarget extends AsyncDisposable {
  /** Where Hallmark is to POST. */
  readonly url: string;
}

/** Where a service listens. Port 0 picks a free one. */
export interface ListenOptions {
  host?: string;
  port?: number;
}

/** An HTTP server that turns away whoever brings no token, and takes Nova's body as it comes. */
export function createService(): FastifyInstance {
  const service = fastify({
    // The user chose the keys of `metadata`; a name like `__proto__` is data and no reason for a 400.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // A number where a string belongs is the caller's fault and must not be quietly turned into one.
    ajv: { customOptions: { coerceTypes: false } },
  });

  // A real service hands this token to Keystone (`keystonemiddleware` does it in Python) and checks
  // that its owner is the service account of `[vendordata_dynamic_auth]`. Here it only has to be there.
  service.addHook('onRequest', async (request, reply) => {
    if (request.headers['x-auth-token'] === undefined || request.headers['x-auth-token'] === '') {
      await reply.code(401).send({ error: { code: 401, message: 'X-Auth-Token is missing.' } });
    }
  });
  return service;
}

/**
 * Ends when the caller hangs up, or has its answer. Not Fastify's own `request.signal`: that one
 * ends as soon as the body of a POST has been read.
 */
export function untilHungUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** Opens the port. */
export async function listen(service: FastifyInstance, options: ListenOptions): Promise<RunningTarget> {
  const address = await service.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  return { url: `${address}/`, [Symbol.asyncDispose]: async () => service.close() };
}
