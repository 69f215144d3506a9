import { createHash } from 'node:crypto';
import { Pool, type Dispatcher } from 'undici';
import type { TargetReply } from '../domain/answer.ts';
import { readJsonText } from '../domain/json-text.ts';
import { parseRetryAfter } from '../domain/retry-after.ts';
import type { TargetSettings } from '../domain/target-settings.ts';
import { trustedAuthorities } from './authorities.ts';
import { failureFromHttpError } from './http-failure.ts';
import { readResponseBody } from './response-body.ts';
import { brokenOff, failed, inSeconds, type Exchange, type Transport } from './transport.ts';

/** Names, values and order as Nova sends them, so that no target can tell the difference. */
const NOVA_HEADERS: Readonly<Record<string, string>> = {
  'User-Agent': 'openstack-nova-vendordata',
  'Accept-Encoding': 'gzip, deflate',
  Accept: 'application/json',
  'Content-Type': 'application/json',
};
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 305, 307, 308]);
/** What of an answer's headers is looked at again: all that decides whether it may be kept. */
const KEPT_HEADERS = ['cache-control', 'expires', 'age', 'date', 'vary', 'etag', 'last-modified', 'pragma'];
/** So much of an error's body is read to keep its connection; a longer one costs the connection. */
const ERROR_BODY = { bytes: 16_384, ms: 1_000 };

/** A target that is asked by HTTP, as Nova asks it, except that no redirect is followed. */
export class HttpTransport implements Transport {
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly #settings: TargetSettings;
  readonly #pool: Pool;
  readonly #path: string;

  constructor(settings: TargetSettings) {
    const { origin, pathname, search } = new URL(settings.url);
    this.#settings = settings;
    this.#path = pathname + search;
    this.requestHeaders = {
      ...Object.fromEntries(Object.entries(NOVA_HEADERS).map(([name, value]) => [name.toLowerCase(), value])),
      ...(settings.authorization !== undefined && { authorization: sha256(settings.authorization) }),
    };
    this.#pool = new Pool(origin, {
      connections: settings.maxConcurrency,
      allowH2: false,
      headersTimeout: settings.readTimeoutMs,
      bodyTimeout: settings.readTimeoutMs,
      connect: {
        timeout: settings.connectTimeoutMs,
        ...(settings.scheme === 'https' && {
          ca: settings.authorities ?? trustedAuthorities(),
          cert: settings.clientCertificate?.certificate,
          key: settings.clientCertificate?.key,
        }),
      },
    });
  }

  async send(exchange: Exchange): Promise<TargetReply> {
    const { totalTimeoutMs } = this.#settings;
    const { signal } = exchange;
    const stop = new AbortController();
    const cancel = (): void => {
      stop.abort(signal.reason);
    };
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel);
    const total = setTimeout(() => {
      stop.abort();
    }, totalTimeoutMs);
    let phase: 'head' | 'body' = 'head';
    try {
      const response = await this.#request(exchange, stop.signal);
      phase = 'body';
      return await this.#read(response, exchange);
    } catch (error) {
      if (signal.aborted) return brokenOff(signal);
      if (stop.signal.aborted) {
        return failed('TIMEOUT', `The target did not finish within ${inSeconds(totalTimeoutMs)}.`);
      }
      return failureFromHttpError(error, phase, this.#settings);
    } finally {
      clearTimeout(total);
      signal.removeEventListener('abort', cancel);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }

  async #request(
    { instance, token, conditional }: Exchange,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { authorization } = this.#settings;
    return await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: Object.entries({
        ...NOVA_HEADERS,
        ...(token === undefined ? {} : { 'X-Auth-Token': token }),
        ...conditional,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      }).flat(),
      body: instance.json,
      signal,
    });
  }

  /** Nova's order of decisions: an error status, then emptiness, then JSON. */
  async #read(response: Dispatcher.ResponseData, { conditional }: Exchange): Promise<TargetReply> {
    const { statusCode: status, body } = response;
    const header = (name: string): string | undefined => headerText(response, name);
    const headers = keptHeaders(header);
    if (status >= 400) {
      discard(body);
      const asksToWait = status === 429 || status === 503;
      const retryAfterSeconds = asksToWait ? parseRetryAfter(header('retry-after'), Date.now()) : undefined;
      const reason = status === 401 ? 'UNAUTHORIZED' : 'STATUS';
      return failed(reason, `The target answered with status ${status}.`, {
        status,
        retryAfterSeconds,
        headers,
      });
    }
    if (REDIRECTS.has(status) && header('location') !== undefined) {
      discard(body);
      // Nova would carry the token to whatever host the answer names.
      return failed('REDIRECT', `The target answered with a redirect (${status}), and none is followed.`, {
        status,
      });
    }
    if (status === 304 && Object.keys(conditional).length > 0) {
      discard(body);
      return { kind: 'not-modified', headers };
    }
    const content = await readResponseBody(
      body as AsyncIterable<Buffer>,
      { contentLength: header('content-length'), contentEncoding: header('content-encoding') },
      this.#settings.maxResponseBytes,
    );
    if ('fault' in content) return failed(content.fault, content.message, { status });
    const text = readJsonText(content.bytes, charsetOf(header('content-type')));
    if ('fault' in text) return failed('NOT_JSON', `The answer ${text.fault}.`, { status });
    return { kind: 'answered', status, headers, json: text.json };
  }
}

function headerText({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function keptHeaders(header: (name: string) => string | undefined): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = header(name);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function charsetOf(contentType: string | undefined): string | undefined {
  return /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1];
}

/** Nobody waits for this; it only lets the connection be used again. */
function discard(body: Dispatcher.ResponseData['body']): void {
  body.dump({ limit: ERROR_BODY.bytes, signal: AbortSignal.timeout(ERROR_BODY.ms) }).catch(() => undefined);
}

const sha256 = (secret: string): string => `sha256:${createHash('sha256').update(secret).digest('hex')}`;
