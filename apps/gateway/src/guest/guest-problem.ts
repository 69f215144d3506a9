import type { IncomingMessage } from 'node:http';
import { HttpFailure } from '../http/http-failure.ts';
import type { Problem } from '../http/problem.ts';
import { titleOf } from '../http/status.ts';
import { explained, renderWebObError } from '../http/webob.ts';
import { unknownError } from './guest-failures.ts';

/**
 * What a guest is told about anything that was thrown: byte for byte as Nova tells it, in what the guest
 * says it reads.
 */
export function guestProblemOf(thrown: unknown, request: IncomingMessage): Problem {
  if (!(thrown instanceof HttpFailure)) {
    return { ...problemIn(unknownError('INTERNAL'), request), err: thrown };
  }
  return problemIn(thrown, request);
}

function problemIn({ status, reason, message, headers }: HttpFailure, request: IncomingMessage): Problem {
  const error = { statusLine: `${status} ${titleOf(status)}`, text: explained(message) };
  const rendered = renderWebObError(error, request);
  return {
    status,
    reason,
    headers: [...rendered.headers, ...Object.entries(headers).flat()],
    body: rendered.body,
  };
}
