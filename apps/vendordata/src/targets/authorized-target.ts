import { HallmarkError } from '@hallmark/errors';
import type { Clock } from '@hallmark/runtime';
import type { TargetReply } from '../domain/answer.ts';
import { NoServiceToken, type ServiceTokens } from './service-tokens.ts';
import { brokenOff, failed, isDeadline, type Exchange, type Transport } from './transport.ts';

/**
 * After a target refused even a token that was just minted, its next refusals are believed: one
 * target that is set up wrongly must not cost Keystone a login for each request.
 */
const BELIEVED_MS = 60_000;

/** Sends questions with the service token; a token that is refused is replaced, once. */
export class AuthorizedTarget {
  readonly #transport: Transport;
  readonly #tokens: ServiceTokens;
  readonly #clock: Clock;
  #believedUntilMs = 0;

  constructor(transport: Transport, tokens: ServiceTokens, clock: Clock) {
    this.#transport = transport;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** Never rejects for an ordinary failure. */
  async ask(question: Omit<Exchange, 'token'>): Promise<TargetReply> {
    const { signal } = question;
    let token: string | undefined;
    try {
      token = await untilAborted(this.#tokens.get(), signal);
    } catch (error) {
      return withoutToken(error, signal);
    }
    const reply = await this.#transport.send({ ...question, token });
    if (token === undefined || !isRefused(reply) || this.#clock.now() < this.#believedUntilMs) return reply;
    let fresh: string | undefined;
    try {
      fresh = await untilAborted(this.#tokens.replace(token), signal);
    } catch (error) {
      if (signal.aborted || error instanceof NoServiceToken) return reply;
      throw error;
    }
    if (fresh === token) return reply;
    const second = await this.#transport.send({ ...question, token: fresh });
    if (isRefused(second)) this.#believedUntilMs = this.#clock.now() + BELIEVED_MS;
    return second;
  }
}

const isRefused = (reply: TargetReply): boolean =>
  reply.kind === 'failed' && reply.failure.reason === 'UNAUTHORIZED';

/** The target was not asked, so none of this is its failure. */
function withoutToken(error: unknown, signal: AbortSignal): TargetReply {
  if (signal.aborted) {
    return isDeadline(signal.reason)
      ? failed('NO_TOKEN', 'The identity service gave no token for the target in time.')
      : brokenOff(signal);
  }
  if (!(error instanceof NoServiceToken)) throw error;
  const { cause } = error;
  const why = cause instanceof HallmarkError ? cause.reason : 'UNKNOWN';
  return failed('NO_TOKEN', `The identity service gave no token for the target (${why}).`);
}

/** The token is fetched for many; one that stops waiting does not stop the others. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(new Error('The caller stopped waiting.'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
