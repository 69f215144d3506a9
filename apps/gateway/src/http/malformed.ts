import type { Duplex } from 'node:stream';
import { newRequestId } from '@hallmark/runtime';
import type { GatewayEvents } from '../events.ts';
import { HttpFailure } from './http-failure.ts';
import { problemOf } from './problem.ts';
import { titleOf } from './status.ts';

/** Answers bytes that are no request, of which Fastify never hears, and ends their connection. */
export function answerMalformed(error: Error, socket: Duplex, events: GatewayEvents): void {
  const failure = failureOf('code' in error ? error.code : undefined);
  if (failure && socket.writable) {
    const id = newRequestId();
    const { status, reason, headers, body } = problemOf(failure, '');
    const pairs = [...headers, 'X-Openstack-Request-Id', id, 'Connection', 'close'];
    const lines = pairs.flatMap((name, at) => (at % 2 === 0 ? [`\r\n${name}: ${pairs[at + 1] ?? ''}`] : []));
    const head = `HTTP/1.1 ${status} ${titleOf(status)}${lines.join('')}\r\n\r\n`;
    socket.write(Buffer.concat([Buffer.from(head), body]));
    events.malformed(id, status, reason);
  }
  socket.destroy(error);
}

/** Undefined: the caller is gone, and nobody is left to be told. */
function failureOf(code: unknown): HttpFailure | undefined {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'HPE_HEADER_OVERFLOW':
      return new HttpFailure(431, 'HEADERS_TOO_LARGE', 'The headers of the request are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpFailure(408, 'REQUEST_TIMEOUT', 'The request did not arrive in time.');
    default:
      return new HttpFailure(400, 'REQUEST_MALFORMED', 'This is no HTTP/1.1 request.');
  }
}
