import type { identity } from '@hallmark/contracts';
import { HallmarkError, invalid, unavailable } from '@hallmark/errors';
import type { Handlers } from '@hallmark/rpc';
import type { Invalidations } from '../domain/invalidations.ts';
import type { StandingLogin } from '../domain/standing-login.ts';
import { isDigest } from '../domain/token-digest.ts';
import type { TokenValidator } from '../domain/token-validator.ts';
import { callerToWire, reuseToWire } from './caller-wire.ts';
import { invalidationToWire } from './invalidation-wire.ts';

/** What a new configuration replaces. */
export interface Access {
  readonly validator: TokenValidator;
  readonly serviceLogin: StandingLogin | undefined;
}

/** `access` gives the one that is in use at the moment of the call. */
export function identityHandlers(
  access: () => Access,
  invalidations: Invalidations,
): Handlers<typeof identity.IdentityServiceService> {
  return {
    async validateToken({ token, serviceToken }, call) {
      const validation = access().validator.validate(token, serviceToken, call.requestId);
      const { caller, service, reuseMs, version } = await untilTimeIsOver(validation, call.signal);
      call.event['userId'] = caller.user.id;
      call.event['projectId'] = caller.project?.id;
      return {
        caller: callerToWire(caller),
        service: service && callerToWire(service),
        reuse: reuseToWire(reuseMs, version),
      };
    },

    async getServiceToken({ rejectedTokenSha256: rejected }, call) {
      if (rejected !== '' && !isDigest(rejected)) {
        throw invalid('REJECTED_TOKEN_MALFORMED', 'rejected_token_sha256 is no SHA-256 in lower-case hex.');
      }
      const { serviceLogin } = access();
      if (!serviceLogin) return { token: '' };
      const login = rejected === '' ? serviceLogin.get() : serviceLogin.replace(rejected);
      const { token, useUntilMs } = await untilTimeIsOver(login, call.signal);
      return { token, useUntil: new Date(useUntilMs) };
    },

    async *watchInvalidations(_request, call) {
      for await (const event of invalidations.watch(call.signal)) yield invalidationToWire(event);
    },
  };
}

/**
 * Waits for work that others may be waiting for too, and that goes on when this caller is gone. A
 * caller whose time is over learns that Keystone is to blame, while it can still hear it.
 */
async function untilTimeIsOver<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => {
    const reason: unknown = signal.reason;
    const tooLate = reason instanceof HallmarkError && reason.code === 'timeout';
    const error = unavailable(
      'KEYSTONE_UNAVAILABLE',
      'Keystone did not answer in the time that the caller has.',
      {
        retryAfterSeconds: 2,
      },
    );
    reject(tooLate ? error : reason);
  };
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp);
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
