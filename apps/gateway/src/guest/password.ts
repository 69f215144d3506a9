import { readBody } from '../http/body.ts';
import type { AskOptions } from '../http/callers.ts';
import type { Exchange } from '../http/exchange.ts';
import { HttpFailure } from '../http/http-failure.ts';
import { sendStored } from './guest-reply.ts';
import type { Guests } from './guests.ts';

/** Four rows of 255 characters in Nova. */
const MAX_BYTES = 1_020;

/**
 * Everything but GET on a guest's password: POST stores it, once. Whether there is one already is for the
 * instances service to say, which tests that first, so a body that is too large is told it by another that is.
 */
export function servePassword(
  exchange: Exchange,
  guests: Guests,
  instanceId: string,
  options: AskOptions,
): void {
  if (exchange.request.method !== 'POST') {
    throw new HttpFailure(400, 'METHOD_UNSUPPORTED', 'GET and POST only are supported.');
  }
  readBody(exchange.request, MAX_BYTES, (failure, body) => {
    const isTooLarge = failure instanceof HttpFailure;
    if (failure && !isTooLarge) {
      exchange.problem(failure);
      return;
    }
    exchange.requestBytes = body.length;
    guests.setPassword(instanceId, isTooLarge ? TOO_LARGE : body, options).then(
      () => sendStored(exchange),
      (thrown: unknown) => exchange.problem(isTooLarge ? inWordsOfSize(thrown) : thrown),
    );
  });
}

const TOO_LARGE = Buffer.alloc(MAX_BYTES + 1, ' ');

function inWordsOfSize(thrown: unknown): unknown {
  const isBad = thrown instanceof HttpFailure && thrown.status === 400;
  return isBad ? new HttpFailure(400, thrown.reason, 'Request is too large.') : thrown;
}
