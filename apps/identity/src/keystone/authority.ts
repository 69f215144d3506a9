import { HallmarkError } from '@hallmark/errors';
import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import type { StandingLogin } from '../domain/standing-login.ts';
import { digestOf } from '../domain/token-digest.ts';
import type { TokenOwner } from '../domain/token-owner.ts';
import type { InspectOptions, TokenAuthority } from '../domain/token-validator.ts';
import { keystoneUnavailable, type KeystoneConnection, type KeystoneReply } from './connection.ts';
import type { KeystoneLogin } from './login.ts';
import { errorFromBody, ownerFromBody } from './token-body.ts';

/** What an operator hears about the validator. */
export interface AuthorityEvents {
  validatorForbidden(): void;
  validatorRejected(): void;
  keystoneLost(): void;
  keystoneBack(): void;
}

/** After so many failures in a row Keystone is left alone, so that callers fail at once and not after a time-out. */
const FAILURES_TO_BREAK = 5;
/** After this time one request looks whether it is back. */
const LEFT_ALONE_MS = 1_000;

/** Asks Keystone about other people's tokens, as the account in `[keystone_authtoken]`. */
export class KeystoneAuthority implements TokenAuthority {
  readonly #connection: KeystoneConnection;
  readonly #login: KeystoneLogin;
  readonly #own: StandingLogin;
  readonly #events: AuthorityEvents;
  readonly #breaker: CircuitBreakerPolicy;

  constructor(
    connection: KeystoneConnection,
    login: KeystoneLogin,
    own: StandingLogin,
    events: AuthorityEvents,
  ) {
    this.#connection = connection;
    this.#login = login;
    this.#own = own;
    this.#events = events;
    this.#breaker = circuitBreaker(handleWhen(isOutage), {
      breaker: new ConsecutiveBreaker(FAILURES_TO_BREAK),
      halfOpenAfter: LEFT_ALONE_MS,
    });
    this.#breaker.onBreak(() => {
      events.keystoneLost();
    });
    this.#breaker.onReset(() => {
      events.keystoneBack();
    });
  }

  async inspect(token: string, options: InspectOptions): Promise<TokenOwner | undefined> {
    try {
      return await this.#breaker.execute(() => this.#inspect(token, options));
    } catch (thrown) {
      if (!(thrown instanceof BrokenCircuitError)) throw thrown;
      throw keystoneUnavailable('Keystone has failed several times in a row and is left alone for a moment.');
    }
  }

  async #inspect(token: string, options: InspectOptions): Promise<TokenOwner | undefined> {
    const limit = this.#connection.timeLimit();
    const own = await this.#connection.within(
      limit,
      this.#ownToken(() => this.#own.get()),
    );
    let reply = await this.#ask(token, own.token, options, limit);
    if (reply.status === 401) {
      // Keystone no longer takes our own token: a new one, and the same question once more.
      const rejected = digestOf(own.token);
      const renewed = await this.#connection.within(
        limit,
        this.#ownToken(() => this.#own.replace(rejected)),
      );
      reply = await this.#ask(token, renewed.token, options, limit);
    }
    return this.#verdict(reply);
  }

  /** A refused login of ours is no fault of the caller, for whom Keystone just cannot be asked. */
  async #ownToken<T>(get: () => Promise<T>): Promise<T> {
    try {
      return await get();
    } catch (thrown) {
      if (isOutage(thrown) || !(thrown instanceof HallmarkError)) throw thrown;
      throw keystoneUnavailable('Keystone refuses the account that validates tokens.', thrown);
    }
  }

  async #ask(
    token: string,
    ownToken: string,
    { allowExpired, requestId }: InspectOptions,
    limit: AbortSignal,
  ): Promise<KeystoneReply> {
    const url = await this.#login.tokensUrl(limit);
    return this.#connection.send(
      {
        operation: 'validate',
        method: 'GET',
        url: `${url}?nocatalog${allowExpired ? '&allow_expired=1' : ''}`,
        headers: {
          'X-Auth-Token': ownToken,
          'X-Subject-Token': token,
          'X-Openstack-Request-Id': requestId,
        },
      },
      limit,
    );
  }

  #verdict(reply: KeystoneReply): TokenOwner | undefined {
    switch (reply.status) {
      case 200: {
        const owner = ownerFromBody(reply.text);
        if (!owner)
          throw keystoneUnavailable('Keystone answered a validation with something that is no token.');
        return owner;
      }
      case 404:
        // A proxy whose Keystone is gone answers 404 too; only Keystone's own is a verdict.
        if (errorFromBody(reply.text)?.code !== 404) {
          throw keystoneUnavailable('Something that is not Keystone answered a validation with 404.');
        }
        return undefined;
      case 401:
        this.#events.validatorRejected();
        throw keystoneUnavailable('Keystone does not accept the token of the account that validates tokens.');
      case 403:
        this.#events.validatorForbidden();
        throw keystoneUnavailable('Keystone does not let the configured account validate tokens.');
      default:
        throw keystoneUnavailable(`Keystone answered a validation with ${reply.status}.`);
    }
  }
}

function isOutage(thrown: unknown): boolean {
  return thrown instanceof HallmarkError && thrown.code === 'unavailable';
}
