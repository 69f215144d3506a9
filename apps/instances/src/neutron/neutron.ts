import { createHash } from 'node:crypto';
import { Agent } from 'undici';
import { z } from 'zod';
import { unavailable } from '@hallmark/errors';
import type { identity } from '@hallmark/contracts';
import type { Call, RpcClient } from '@hallmark/rpc';
import type { NeutronSettings } from './settings.ts';

/** The part of the identity service that tokens come from. It answers from its memory. */
export type TokenIssuer = Pick<RpcClient<typeof identity.IdentityServiceService>, 'getServiceToken'>;

/** More than any answer that names ports of one address. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** Pages of one list: enough for any, and an end for a server that links them in a circle. */
const MAX_PAGES = 1_000;
const TOKEN_TIMEOUT_MS = 6_000;

const Body = z.record(z.string(), z.unknown());
const Links = z.array(z.object({ rel: z.string(), href: z.string() })).optional();

/** Neutron's REST API, as far as it tells whose an address is. */
export class Neutron implements AsyncDisposable {
  readonly #settings: NeutronSettings;
  readonly #issuer: TokenIssuer;
  readonly #agent: Agent;

  constructor(settings: NeutronSettings, issuer: TokenIssuer) {
    this.#settings = settings;
    this.#issuer = issuer;
    this.#agent = new Agent({
      connect: { ...(settings.ca && { ca: settings.ca }), timeout: settings.timeoutMs },
      headersTimeout: settings.timeoutMs,
      bodyTimeout: settings.timeoutMs,
      maxResponseSize: MAX_RESPONSE_BYTES,
    });
  }

  /**
   * All of `subnets` or `ports` that match, page by page where Neutron gives pages.
   *
   * @throws HallmarkError `NEUTRON_UNAVAILABLE`
   */
  async list<T>(
    what: 'subnets' | 'ports',
    query: URLSearchParams,
    item: z.ZodType<T>,
    call: Call,
  ): Promise<readonly T[]> {
    const items = z.array(item);
    const found: T[] = [];
    let next: URLSearchParams | undefined = query;
    for (let page = 1; next !== undefined; page += 1) {
      if (page > MAX_PAGES) throw failure('gave pages without end');
      const body = Body.safeParse(await this.#get(`/v2.0/${what}`, next, call)).data ?? {};
      const listed = items.safeParse(body[what]);
      const links = Links.safeParse(body[`${what}_links`]);
      if (!listed.success || !links.success) throw failure('gave an answer that is not understood');
      found.push(...listed.data);
      const href: string | undefined = links.data?.find(({ rel }) => rel === 'next')?.href;
      // The query alone: the host that a proxied Neutron names may be another.
      next = href === undefined ? undefined : new URL(href, 'http://neutron').searchParams;
    }
    return found;
  }

  /** Finishes what is under way and begins nothing new. */
  async retire(): Promise<void> {
    await this.#agent.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  /** With the service token, and with another one after a 401. */
  async #get(path: string, query: URLSearchParams, call: Call): Promise<unknown> {
    const { endpoint } = this.#settings;
    if (endpoint === undefined) throw failure('is not configured: [neutron] endpoint_override is not set');
    const token = await this.#token('', call);
    const url = `${endpoint}${path}?${query.toString()}`;
    const first = await this.#request(url, token, call);
    if (first.status !== 401) return first.json;
    const second = await this.#request(url, await this.#token(sha256(token), call), call);
    if (second.status === 401) throw failure('does not accept the service token');
    return second.json;
  }

  async #token(rejectedTokenSha256: string, call: Call): Promise<string> {
    const { requestId, signal } = call;
    const timeoutMs = Math.min(TOKEN_TIMEOUT_MS, call.remainingMs());
    try {
      const { token } = await this.#issuer.getServiceToken(
        { rejectedTokenSha256 },
        { requestId, timeoutMs, signal },
      );
      if (token !== '') return token;
    } catch (cause) {
      throw failure('cannot be asked: the identity service gave no service token', cause);
    }
    throw failure(
      'cannot be asked: [vendordata_dynamic_auth] auth_type is not set, so there is no service token',
    );
  }

  async #request(url: string, token: string, call: Call): Promise<{ status: number; json?: unknown }> {
    try {
      // A redirect is not followed: the token is for this host alone.
      const { statusCode: status, body } = await this.#agent.request({
        origin: new URL(url).origin,
        path: url.slice(new URL(url).origin.length),
        method: 'GET',
        headers: {
          'x-auth-token': token,
          accept: 'application/json',
          'x-openstack-request-id': call.requestId,
        },
        signal: AbortSignal.any([call.signal, AbortSignal.timeout(this.#settings.timeoutMs)]),
      });
      if (status === 200) return { status, json: await body.json() };
      await body.dump();
      if (status === 401) return { status };
      throw failure(`answered with status ${status}`);
    } catch (cause) {
      call.signal.throwIfAborted();
      throw isFailure(cause) ? cause : failure('did not answer', cause);
    }
  }
}

const REASON = 'NEUTRON_UNAVAILABLE';

const failure = (what: string, cause?: unknown) =>
  unavailable(REASON, `Neutron ${what}.`, cause === undefined ? {} : { cause });

const isFailure = (thrown: unknown): boolean =>
  thrown instanceof Error && 'reason' in thrown && thrown.reason === REASON;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
