import type { identity } from '@hallmark/contracts';
import { HallmarkError, unavailable } from '@hallmark/errors';
import type { RpcClient } from '@hallmark/rpc';
import { durationMs } from '../watch/duration.ts';
import type { HotCache, InvalidationRule, Made } from '../watch/hot-cache.ts';
import type { Landed } from '../watch/shared-flights.ts';
import type { WatchEvent } from '../watch/invalidation-watch.ts';
import { digestsIn, type Tokens } from './tokens.ts';

/** Who is calling, as far as the gateway asks. */
export interface Caller {
  readonly userId: string;
  readonly userName: string;
  /** Empty unless the token is scoped to a project. */
  readonly projectId: string;
  readonly roles: readonly string[];
  /** Of the service token that came along, if one did. */
  readonly serviceRoles: readonly string[];
  /** Whether the token is scoped to the whole system. */
  readonly systemScope: boolean;
}

/** A validation that may be used again. */
export interface Validation {
  readonly caller: Caller;
  /** SHA-256 of the tokens it rests on. */
  readonly digests: readonly string[];
}

/** SHA-256 of the token whose validation ended. Empty: of every token. */
type TokenDigest = string;

/** What every call to a service needs to know of the request it is made for. */
export interface AskOptions {
  readonly requestId: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type IdentityClient = Pick<RpcClient<identity.IdentityServiceService>, 'validateToken'>;
export type ValidationCache = HotCache<Validation, TokenDigest>;

export const validationRule: InvalidationRule<Validation, TokenDigest> = {
  groupsOf: (validation) => validation.digests,
  groupOf: (digest) => (digest === '' ? undefined : digest),
  concerns: (digest, validation) => digest === '' || validation.digests.includes(digest),
};

/** A role name, an id or a name is some forty characters, and a caller has a dozen of them. */
const VALIDATION_BYTES = 1_500;

/** Knows callers by their tokens: asks identity once, and again when the answer's time is over. */
export class Callers {
  readonly #identity: IdentityClient;
  readonly #validations: ValidationCache;

  constructor(identity: IdentityClient, validations: ValidationCache) {
    this.#identity = identity;
    this.#validations = validations;
  }

  /** The caller with the tokens of this key (`tokensKey`), if that was asked lately. */
  find(key: string, nowMs: number): Caller | undefined {
    return this.#validations.find(key, nowMs)?.caller;
  }

  /**
   * Asks who the tokens belong to.
   *
   * @throws HallmarkError `unauthenticated` when Keystone does not accept them, `unavailable` when that
   * cannot be found out.
   */
  async identify(key: string, tokens: Tokens, options: AskOptions): Promise<Landed<Validation>> {
    return this.#validations.obtain(key, options.signal, async (signal) =>
      this.#validate(key, tokens, { ...options, signal }),
    );
  }

  async #validate(key: string, tokens: Tokens, options: AskOptions): Promise<Made<Validation>> {
    const { caller, service, reuse } = await this.#identity
      .validateToken(tokens, options)
      .catch((thrown: unknown) => {
        throw notTheCallersFault(thrown);
      });
    if (!caller) throw new Error('Identity validated a token without saying whose it is.');
    const { userId, userName, projectId, roles, systemScope } = caller;
    const serviceRoles = service?.roles ?? [];
    return {
      answer: {
        caller: { userId, userName, projectId, roles, serviceRoles, systemScope },
        digests: digestsIn(key),
      },
      ttlMs: durationMs(reuse?.ttl),
      version: reuse?.version ?? 0,
      bytes: VALIDATION_BYTES,
    };
  }
}

/** What identity's watch says, in the words of every watch. */
export async function* tokenInvalidations(
  stream: AsyncIterable<identity.WatchInvalidationsResponse>,
): AsyncGenerator<WatchEvent<TokenDigest>> {
  for await (const { event, version } of stream) {
    if (event?.$case === 'hello') yield { kind: 'hello', epoch: event.value.epoch, version };
    else if (event?.$case === 'tokenInvalidated') {
      yield { kind: 'invalidated', invalidation: event.value.tokenSha256, version };
    } else yield { kind: 'heartbeat', version };
  }
}

/** Only a verdict on the token is one on the caller. All else is an outage, which must never be a 401. */
function notTheCallersFault(thrown: unknown): unknown {
  if (!(thrown instanceof HallmarkError) || thrown.code === 'unauthenticated') return thrown;
  return unavailable(thrown.reason, thrown.message, {
    cause: thrown,
    retryAfterSeconds: thrown.retryAfterSeconds,
  });
}
