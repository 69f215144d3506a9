import { createHash } from 'node:crypto';
import type { identity } from '@hallmark/contracts';
import type { CallOptions } from '@hallmark/rpc';
import { newRequestId, type Clock } from '@hallmark/runtime';

/** The part of the identity service that tokens come from. */
export interface TokenIssuer {
  getServiceToken(
    request: identity.GetServiceTokenRequest,
    options: CallOptions,
  ): Promise<identity.GetServiceTokenResponse>;
}

/** No token could be had although the operator configured a login. */
export class NoServiceToken extends Error {
  override readonly name = 'NoServiceToken';
}

/** The identity service answers from memory, or asks Keystone, which has its own limit of 5 s. */
const ISSUE_TIMEOUT_MS = 6_000;
/**
 * `use_until` lies at least 120 s before the real expiry. While no newer token can be had, the
 * old one is still good for most of that.
 */
const GRACE_MS = 100_000;
/** After a failure the next question waits so long; all requests in between share the failure. */
const PAUSE_MS = 1_000;
/** That no login is configured is asked again now and then: identity may have been reconfigured. */
const WITHOUT_LOGIN_MS = 30_000;

const NO_LOGIN = { token: undefined, digest: undefined };

interface Held {
  /** Undefined: the operator configured no login. */
  readonly token: string | undefined;
  readonly digest: string | undefined;
  readonly useUntilMs: number;
}

/** The token that proves to targets that the cloud is asking, kept until it is time for another. */
export class ServiceTokens {
  readonly #issuer: TokenIssuer;
  readonly #clock: Clock;
  #held: Held | undefined;
  /** Questions under way, by the digest of the token that was refused. */
  readonly #pending = new Map<string, Promise<Held>>();
  #failure: { readonly error: NoServiceToken; readonly untilMs: number } | undefined;

  constructor(issuer: TokenIssuer, clock: Clock) {
    this.#issuer = issuer;
    this.#clock = clock;
  }

  /** The digest of the token in hand, without asking anybody for one. */
  heldDigest(): string | undefined {
    return this.#held?.digest;
  }

  /**
   * The token to send, or undefined where the operator configured none. Concurrent callers share
   * one question to the identity service.
   *
   * @throws NoServiceToken
   */
  async get(): Promise<string | undefined> {
    const now = this.#clock.now();
    const held = this.#held;
    if (held && now < held.useUntilMs) return held.token;
    try {
      return (await this.#issue('')).token;
    } catch (error) {
      if (held && now < held.useUntilMs + GRACE_MS) return held.token;
      throw error;
    }
  }

  /**
   * Another token in place of one that a target refused.
   *
   * @throws NoServiceToken
   */
  async replace(refused: string): Promise<string | undefined> {
    // Somebody else met the same refusal and has replaced it already.
    if (this.#held?.token !== refused) return await this.get();
    return (await this.#issue(digest(refused))).token;
  }

  async #issue(rejectedTokenSha256: string): Promise<Held> {
    if (this.#failure && this.#clock.now() < this.#failure.untilMs) throw this.#failure.error;
    let pending = this.#pending.get(rejectedTokenSha256);
    if (!pending) {
      pending = this.#ask(rejectedTokenSha256).finally(() => this.#pending.delete(rejectedTokenSha256));
      this.#pending.set(rejectedTokenSha256, pending);
    }
    return await pending;
  }

  async #ask(rejectedTokenSha256: string): Promise<Held> {
    const now = this.#clock.now();
    try {
      const { token, useUntil } = await this.#issuer.getServiceToken(
        { rejectedTokenSha256 },
        // Shared by many requests, so it carries none of their ids.
        { requestId: newRequestId(), timeoutMs: ISSUE_TIMEOUT_MS },
      );
      this.#failure = undefined;
      this.#held = {
        ...(token === '' ? NO_LOGIN : { token, digest: digest(token) }),
        useUntilMs: useUntil?.getTime() ?? now + WITHOUT_LOGIN_MS,
      };
      return this.#held;
    } catch (cause) {
      const error = new NoServiceToken('The identity service gave no token.', { cause });
      this.#failure = { error, untilMs: this.#clock.now() + PAUSE_MS };
      throw error;
    }
  }
}

const digest = (token: string): string => createHash('sha256').update(token).digest('hex');
