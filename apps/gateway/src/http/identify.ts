import type { Caller, Callers } from './callers.ts';
import type { Exchange } from './exchange.ts';
import { tokensKey, tokensOf, type Tokens } from './tokens.ts';

export interface Identification {
  readonly callers: Callers;
  /** Longest wait for identity. */
  readonly timeoutMs: number;
  /** Throws when this caller may not come in. */
  readonly check: (caller: Caller) => void;
}

/**
 * Finds out by the tokens of a request who is calling; `done` gets the reason when they may not come in.
 * A caller who is known is let in at once, before the body is read and without asking anybody.
 *
 * @throws what `done` would get, where it is known at once.
 */
export function identify(
  identification: Identification,
  exchange: Exchange,
  done: (error?: Error) => void,
): void {
  const tokens = tokensOf(exchange.request);
  const key = tokensKey(tokens);
  const caller = identification.callers.find(key, exchange.startedAtMs);
  if (!caller) {
    ask(identification, exchange, key, tokens).then(() => {
      done();
    }, done);
    return;
  }
  exchange.callerOrigin = 'hit';
  exchange.caller = caller;
  identification.check(caller);
  done();
}

async function ask(
  { callers, timeoutMs, check }: Identification,
  exchange: Exchange,
  key: string,
  tokens: Tokens,
): Promise<void> {
  const { answer, shared } = await callers.identify(key, tokens, {
    requestId: exchange.id,
    timeoutMs,
    signal: exchange.hangUpSignal,
  });
  exchange.callerOrigin = shared ? 'shared' : 'miss';
  exchange.caller = answer.caller;
  check(answer.caller);
}
