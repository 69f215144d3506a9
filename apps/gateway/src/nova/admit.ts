import { forbidden } from '@hallmark/errors';
import type { Caller, Callers } from '../http/callers.ts';
import type { Exchange } from '../http/exchange.ts';
import { identify } from '../http/identify.ts';
import { requireJson } from '../http/media-type.ts';
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

/** Lets a request in that carries a valid token with a service role; else `done` gets the reason. */
export function admit(
  { callers, rules }: Admission,
  exchange: Exchange,
  done: (error?: Error) => void,
): void {
  const { callers: rule, timeoutMs } = rules();
  const check = (caller: Caller): void => {
    requireAllowed(rule, caller);
    requireJson(exchange.request.headers);
  };
  identify({ callers, timeoutMs, check }, exchange, done);
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
