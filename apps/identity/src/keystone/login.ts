import { notReady, type HallmarkError } from '@hallmark/errors';
import type { NewToken } from '../domain/standing-login.ts';
import { keystoneUnavailable, type KeystoneConnection, type KeystoneReply } from './connection.ts';
import type { LoginPlan } from './login-plan.ts';
import { loginUrlFrom } from './login-url.ts';
import { errorFromBody, ownerFromBody, parseJson } from './token-body.ts';

/** More of what Keystone says about a refusal is not worth a log line. */
const LONGEST_QUOTE = 200;

/** The login of one section of the configuration. */
export class KeystoneLogin {
  /** `[section]`, for messages. */
  readonly #section: string;
  readonly #plan: LoginPlan;
  readonly #connection: KeystoneConnection;
  #discovered: string | undefined;

  constructor(section: string, plan: LoginPlan, connection: KeystoneConnection) {
    this.#section = section;
    this.#plan = plan;
    this.#connection = connection;
  }

  /**
   * Fetches a token.
   *
   * @throws HallmarkError `not-ready` SERVICE_LOGIN_REFUSED when Keystone refuses, `unavailable`
   *   when it cannot be asked.
   */
  async logIn(): Promise<NewToken> {
    const limit = this.#connection.timeLimit();
    const reply = await this.#connection.send(
      {
        operation: 'login',
        method: 'POST',
        url: `${await this.tokensUrl(limit)}?nocatalog`,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(this.#plan.request),
      },
      limit,
    );
    if (reply.status !== 201) throw this.#failure(reply);
    const token = reply.headers['x-subject-token'];
    const owner = ownerFromBody(reply.text);
    if (typeof token !== 'string' || !owner) {
      throw keystoneUnavailable('Keystone answered a login with something that is no token.');
    }
    return { token, expiresAtMs: owner.expiresAtMs };
  }

  /** The URL of `/v3/auth/tokens`, which is asked for once when the configuration names no version. */
  async tokensUrl(limit: AbortSignal): Promise<string> {
    const { kind, url } = this.#plan.url;
    return kind === 'tokens' ? url : (this.#discovered ??= await this.#discover(url, limit));
  }

  async #discover(url: string, limit: AbortSignal): Promise<string> {
    const reply = await this.#connection.send({ operation: 'discover', method: 'GET', url }, limit);
    const found = loginUrlFrom(parseJson(reply.text), url);
    if (reply.status >= 400 || found === undefined) {
      throw keystoneUnavailable(
        `The auth_url of [${this.#section}] leads to no Keystone with version 3 (it answered ${reply.status}).`,
      );
    }
    return found;
  }

  #failure({ status, headers, text }: KeystoneReply): HallmarkError {
    if (status >= 300 && status < 400) {
      return keystoneUnavailable(
        `Keystone answered the login of [${this.#section}] with ${status}, to another place; auth_url must name that place.`,
      );
    }
    const words = errorFromBody(text)?.message;
    // Without its words it was not Keystone that answered, but something before it that cannot reach it.
    if (words === undefined || status >= 500 || status === 408 || status === 429) {
      return keystoneUnavailable(`The login of [${this.#section}] was answered with ${status}.`);
    }
    const why =
      headers['openstack-auth-receipt'] === undefined
        ? this.#withoutSecret(words)
        : 'the account needs a second factor, which a service cannot give';
    return notReady(
      'SERVICE_LOGIN_REFUSED',
      `Keystone refused the login of [${this.#section}] with ${status}: ${why}`,
    );
  }

  /** Keystone's own words, unless they repeat what was sent to it. */
  #withoutSecret(words: string): string {
    const { identity } = this.#plan.request.auth;
    const secret =
      'password' in identity ? identity.password.user.password : identity.application_credential.secret;
    return words.includes(secret) ? 'no reason that could be repeated' : words.slice(0, LONGEST_QUOTE);
  }
}
