import { HallmarkError, timeout, unavailable } from '@hallmark/errors';
import { request, type Agent, type Dispatcher } from 'undici';
import { requireAllowedUri, uriRefused, withoutSecrets } from '../../domain/uri-filter.ts';
import { errorCode } from '../../error-code.ts';
import type { DownloadSettings } from '../../settings/download-settings.ts';
import { primed, type OpenBytes } from '../../stores/store.ts';
import { addressIn, isAllowedAddress } from './addresses.ts';
import { pinnedAgent, type HostAddress } from './pinned-agent.ts';

/** All addresses of a name. */
export type ResolveHost = (name: string) => Promise<readonly HostAddress[]>;

export interface WebData {
  readonly data: OpenBytes;
  /** As the server announces it. */
  readonly size: number | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const USER_AGENT = 'hallmark';

/**
 * Fetches what a user has named, without becoming the user's hand inside: at each hop the URL passes the
 * operator's filter, its name is resolved once, every address of it must be allowed, and the connection
 * goes to one of these.
 */
export class WebDownload {
  readonly #settings: () => DownloadSettings;
  readonly #resolve: ResolveHost;

  constructor(settings: () => DownloadSettings, resolve: ResolveHost) {
    this.#settings = settings;
    this.#resolve = resolve;
  }

  /**
   * Returns when the first byte is there.
   *
   * @throws HallmarkError `URI_REFUSED`, `DOWNLOAD_FAILED`, `DOWNLOAD_TIMEOUT`; the stream the latter two
   */
  async open(uri: string, signal: AbortSignal): Promise<WebData> {
    const settings = this.#settings();
    const limit = AbortSignal.timeout(settings.totalTimeoutMs);
    const ends = AbortSignal.any([signal, limit]);
    let url = requireAllowedUri(uri, settings.filter);
    let secret = authorizationOf(url);
    try {
      for (let hops = 0; ; hops++) {
        const agent = pinnedAgent(await this.#addressesOf(url, settings), settings);
        const answer = await ask(url, agent, secret, ends);
        const { location } = answer.headers;
        if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string')
          return await this.#taken(url, agent, answer, ends, limit);
        await agent.destroy();
        if (hops === settings.maxRedirects) throw failed(url, `redirects more than ${hops} times`);
        const next = redirected(url, location, settings);
        // A password is for whom it was given, and nobody else.
        secret = authorizationOf(next) ?? (next.origin === url.origin ? secret : undefined);
        url = next;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw explained(url, thrown, limit);
    }
  }

  async #taken(
    url: URL,
    agent: Agent,
    { statusCode, headers, body }: Dispatcher.ResponseData,
    ends: AbortSignal,
    limit: AbortSignal,
  ): Promise<WebData> {
    if (statusCode !== 200) {
      await agent.destroy();
      throw failed(url, `answered with status ${statusCode}`);
    }
    const size = sizeOf(headers['content-length']);
    return { data: await primed(streamed(url, agent, body, { ends, limit })), size };
  }

  /** @throws HallmarkError `URI_REFUSED` when one of them is not allowed, `DOWNLOAD_FAILED` without any */
  async #addressesOf(url: URL, { allowedNetworks }: DownloadSettings): Promise<readonly HostAddress[]> {
    const literal = addressIn(url);
    const addresses = literal ? [literal] : await this.#lookUp(url, url.hostname);
    if (!addresses.every(({ address }) => isAllowedAddress(address, allowedNetworks)))
      throw uriRefused(withoutSecrets(url.href));
    return addresses;
  }

  async #lookUp(url: URL, host: string): Promise<readonly HostAddress[]> {
    try {
      const addresses = await this.#resolve(host);
      if (addresses.length > 0) return addresses;
    } catch (cause) {
      throw failed(url, 'has a host name that cannot be resolved', cause);
    }
    throw failed(url, 'has a host name without addresses');
  }
}

async function ask(
  url: URL,
  agent: Agent,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  // Without user and password, which stand in a header of their own.
  const target = new URL(url);
  [target.username, target.password, target.hash] = ['', '', ''];
  try {
    return await request(target, {
      dispatcher: agent,
      signal,
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': USER_AGENT,
        ...(authorization !== undefined && { authorization }),
      },
    });
  } catch (thrown) {
    await agent.destroy();
    throw thrown;
  }
}

async function* streamed(
  url: URL,
  agent: Agent,
  body: Dispatcher.ResponseData['body'],
  { ends, limit }: { ends: AbortSignal; limit: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      ends.throwIfAborted();
      yield piece;
    }
  } catch (thrown) {
    if (ends.aborted && !limit.aborted) throw ends.reason;
    throw explained(url, thrown, limit);
  } finally {
    await agent.destroy();
  }
}

function redirected(from: URL, location: string, { filter }: DownloadSettings): URL {
  const next = URL.parse(location, from.href);
  if (!next) throw failed(from, 'redirects to what is no URL');
  try {
    return requireAllowedUri(next.href, filter);
  } catch {
    const { reason, code } = uriRefused('');
    throw new HallmarkError(code, reason, `Redirect to disallowed URL: ${withoutSecrets(next.href)}`);
  }
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const pair = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that stands for itself
  }
}

function sizeOf(header: string | string[] | undefined): number | undefined {
  const size = Number(header);
  return typeof header === 'string' && /^\d+$/.test(header) && Number.isSafeInteger(size) ? size : undefined;
}

function explained(url: URL, thrown: unknown, limit: AbortSignal): unknown {
  if (thrown instanceof HallmarkError) return thrown;
  if (limit.aborted) return timeout('DOWNLOAD_TIMEOUT', `${withoutSecrets(url.href)} took too long.`);
  if (/^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$/.test(errorCode(thrown)))
    return timeout('DOWNLOAD_TIMEOUT', `${withoutSecrets(url.href)} did not go on in time.`, {
      cause: thrown,
    });
  return failed(url, 'cannot be read to its end', thrown);
}

const failed = (url: URL, what: string, cause?: unknown): HallmarkError =>
  unavailable('DOWNLOAD_FAILED', `${withoutSecrets(url.href)} ${what}.`, { cause });
