import { isRequestId, newRequestId } from '@hallmark/runtime';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Route } from '../events.ts';
import type { Callers } from '../http/callers.ts';
import { Exchange, type Door } from '../http/exchange.ts';
import { HttpFailure } from '../http/http-failure.ts';
import { dropIdentityHeaders } from '../http/identity-headers.ts';
import type { Answers } from './answers.ts';
import { admit } from './admit.ts';
import type { CallRule } from './may-call.ts';
import { postVendordata } from './post-vendordata.ts';

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

/** What a new configuration may change while the listener is up. */
export interface NovaRules {
  readonly callers: CallRule;
  /** Longest wait for identity, and for vendordata. */
  readonly timeoutMs: number;
}

export interface NovaAppOptions {
  readonly door: Door;
  readonly callers: Callers;
  readonly answers: Answers;
  readonly rules: () => NovaRules;
  readonly maxBodyBytes: number;
}

/** Longer than any URL that fits into Node's limit on headers: names are not cut, and not refused. */
const LONGEST_NAME = 65_536;
const VENDORDATA_PATH = /^\/vendordata(?:\/[^/?]*)?(?:\?|$)/;

/** The dialect of the listener `nova`: vendordata for those who carry a service token. */
export function novaApp(options: NovaAppOptions): FastifyInstance {
  const { door } = options;
  const app = fastify({
    bodyLimit: options.maxBodyBytes,
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

  // Bodies are forwarded as they came: vendordata reads them, and sends them on byte for byte.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });

  app.decorateRequest('exchange');
  app.addHook('onRequest', (request, reply, done) => {
    dropIdentityHeaders(request.raw.headers);
    request.exchange = new Exchange(door, request.id, routeOf(request), request.raw, reply.raw);
    if (request.is404) throw noRoute(request.raw);
    admit(options, request.exchange, done);
  });
  app.setErrorHandler((error, { exchange }, reply) => {
    reply.hijack();
    exchange.problem(failureOf(error, options.maxBodyBytes));
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

/** What Fastify itself refuses, in our words. */
function failureOf(error: unknown, maxBodyBytes: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpFailure(
        413,
        'BODY_TOO_LARGE',
        `The body is larger than ${maxBodyBytes} bytes, the limit of this gateway.`,
      );
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
      return new HttpFailure(400, 'BODY_INCOMPLETE', 'The body ended before its Content-Length.');
    default:
      return error;
  }
}

/** The caller's own request id where it is one, so that one id leads through all services' logs. */
function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-openstack-request-id'];
  return typeof given === 'string' && isRequestId(given) ? given : newRequestId();
}
