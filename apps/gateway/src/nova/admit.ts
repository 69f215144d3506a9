import { forbidden } from '@hallmark/errors';
import type { Caller, Callers } from '../http/callers.ts';
import type { Exchange } from '../http/exchange.ts';
import { requireJson } from '../http/media-type.ts';
import { tokensKey, tokensOf, type Tokens } from '../http/tokens.ts';
import { mayCall, type CallRule } from './may-call.ts';

/** What a new configuration may change while the listener is up. */
export interface NovaRules {
  readonly callers: CallRule;
  /** Longest wait for identity, and then for vendordata. */
  readonly timeoutMs: number;
}

export interface Admission {
  readonly callers: Callers;
  readonly rules: () => NovaRules;
}

/**
 * Lets a request in that carries a valid token with a service role; else `done` gets the reason. A
 * caller who is known is let in at once, before the body is read and without asking anybody.
 */
export function admit(options: Admission, exchange: Exchange, done: (error?: Error) => void): void {
  const tokens = tokensOf(exchange.request);
  const key = tokensKey(tokens);
  const caller = options.callers.find(key, exchange.startedAtMs);
  if (caller) {
    exchange.callerOrigin = 'hit';
    check(options, exchange, caller);
    done();
    return;
  }
  identify(options, exchange, key, tokens).then(() => {
    done();
  }, done);
}

async function identify(options: Admission, exchange: Exchange, key: string, tokens: Tokens): Promise<void> {
  const { answer, shared } = await options.callers.identify(key, tokens, {
    requestId: exchange.id,
    timeoutMs: options.rules().timeoutMs,
    signal: exchange.hangUpSignal,
  });
  exchange.callerOrigin = shared ? 'shared' : 'miss';
  check(options, exchange, answer.caller);
}

function check(options: Admission, exchange: Exchange, caller: Caller): void {
  exchange.caller = caller;
  requireAllowed(options.rules().callers, caller);
  requireJson(exchange.request.headers);
}

/** @throws HallmarkError `forbidden` that names the rule, so that an operator knows what to change. */
function requireAllowed(rule: CallRule, caller: Caller): void {
  switch (mayCall(rule, caller)) {
    case 'allowed':
      return;
    case 'role-missing':
      throw forbidden(
        'ROLE_MISSING',
        `This token has none of the roles that may ask for vendordata: ${[...rule.serviceRoles].join(', ')}.`,
      );
    case 'user-not-allowed':
      throw forbidden(
        'USER_NOT_ALLOWED',
        'The user of this token is not among those who may ask for vendordata.',
      );
  }
}
