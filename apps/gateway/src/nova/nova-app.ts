import { isRequestId, newRequestId } from '@hallmark/runtime';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Route } from '../events.ts';
import { Exchange, type Door } from '../http/exchange.ts';
import { HttpFailure } from '../http/http-failure.ts';
import { dropIdentityHeaders } from '../http/identity-headers.ts';
import { UnknownRoutes, type HttpRoute } from '../http/routes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

export interface NovaAppOptions {
  readonly door: Door;
  readonly routes: readonly HttpRoute[];
}

/** Longer than any URL that fits into Node's limit on headers: names are not cut, and not refused. */
const LONGEST_NAME = 65_536;

/** The listener `nova`: vendordata for those who carry a service token, and the boot API. */
export function novaApp({ door, routes }: NovaAppOptions): FastifyInstance {
  const app = fastify({
    genReqId: requestIdOf,
    requestIdHeader: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: LONGEST_NAME },
    frameworkErrors: (_error, { id, raw }, reply) => {
      reply.hijack();
      const failure = new HttpFailure(400, 'PATH_MALFORMED', 'The path is not percent-encoded UTF-8.');
      new Exchange(door, id, 'none', raw, reply.raw).problem(failure);
    },
  });

  // Fastify reads no body: the handlers do, after the caller is known, and forward it byte for byte.
  for (const method of ['POST', 'PUT', 'DELETE']) {
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  app.decorateRequest('exchange');
  app.setErrorHandler((error, { exchange }, reply) => {
    reply.hijack();
    exchange.problem(error);
  });

  /** Begins the exchange, so that a route need not be looked up for its name. */
  const begin =
    (route: Route, admit: HttpRoute['admit']) =>
    (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
      dropIdentityHeaders(request.raw.headers);
      request.exchange = new Exchange(door, request.id, route, request.raw, reply.raw);
      admit(request.exchange, done);
    };

  const unknown = new UnknownRoutes(routes);
  const beginUnknown = begin('none', ({ request: { method = '', url = '' } }) => {
    throw unknown.failureOf(method, url);
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) beginUnknown(request, reply, done);
    else done();
  });

  for (const { method, path, admit, serve } of routes) {
    app.route<{ Params: Record<string, string> }>({
      method,
      url: path,
      onRequest: begin(path, admit),
      handler: ({ exchange, params }, reply) => {
        reply.hijack();
        try {
          serve(exchange, params);
        } catch (thrown) {
          exchange.problem(thrown);
        }
      },
    });
  }
  return app;
}

/** The caller's own request id where it is one, so that one id leads through all services' logs. */
function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-openstack-request-id'];
  return typeof given === 'string' && isRequestId(given) ? given : newRequestId();
}
