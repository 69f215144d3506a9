import { isRequestId, newRequestId } from '@hallmark/runtime';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Route } from '../events.ts';
import { Exchange, type Door } from '../http/exchange.ts';
import { HttpFailure } from '../http/http-failure.ts';
import { dropIdentityHeaders } from '../http/identity-headers.ts';
import { admit, type Admission } from './admit.ts';
import { postVendordata, type VendordataEndpoint } from './post-vendordata.ts';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

export interface NovaAppOptions extends Admission, VendordataEndpoint {
  readonly door: Door;
}

/** Longer than any URL that fits into Node's limit on headers: names are not cut, and not refused. */
const LONGEST_NAME = 65_536;
const VENDORDATA_PATH = /^\/vendordata(?:\/[^/?]*)?(?:\?|$)/;

/** The dialect of the listener `nova`: vendordata for those who carry a service token. */
export function novaApp(options: NovaAppOptions): FastifyInstance {
  const { door } = options;
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

  // Fastify reads no body: the handler does, after the caller is known, and forwards it byte for byte.
  app.addHttpMethod('POST', { hasBody: false, overrideExisting: true });
  app.decorateRequest('exchange');
  app.addHook('onRequest', (request, reply, done) => {
    dropIdentityHeaders(request.raw.headers);
    request.exchange = new Exchange(door, request.id, routeOf(request), request.raw, reply.raw);
    if (request.is404) throw noRoute(request.raw);
    admit(options, request.exchange, done);
  });
  app.setErrorHandler((error, { exchange }, reply) => {
    reply.hijack();
    exchange.problem(error);
  });

  const handler = postVendordata(options);
  app.post('/vendordata', handler);
  app.post('/vendordata/:name', handler);
  return app;
}

function routeOf({ is404, params }: FastifyRequest): Route {
  if (is404) return 'none';
  return Object.hasOwn(params as object, 'name') ? '/vendordata/:name' : '/vendordata';
}

function noRoute({ method = '', url = '' }: IncomingMessage): HttpFailure {
  if (!VENDORDATA_PATH.test(url))
    return new HttpFailure(404, 'PATH_UNKNOWN', 'There is nothing at this path.');
  const message = `${method} means nothing here: vendordata is asked for with POST.`;
  return new HttpFailure(405, 'METHOD_NOT_ALLOWED', message, { allow: 'POST' });
}

/** The caller's own request id where it is one, so that one id leads through all services' logs. */
function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-openstack-request-id'];
  return typeof given === 'string' && isRequestId(given) ? given : newRequestId();
}
