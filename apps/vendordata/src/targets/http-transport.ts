import { createHash } from 'node:crypto';
import { Pool } from 'undici';
import type { TargetReply } from '../domain/answer.ts';
import { readJsonText } from '../domain/json-text.ts';
import { parseRetryAfter } from '../domain/retry-after.ts';
import type { TargetSettings } from '../domain/target-settings.ts';
import { trustedAuthorities } from './authorities.ts';
import { decompress } from './decompress.ts';
import { HttpExchange, type HttpOutcome, type ResponseHead } from './http-exchange.ts';
import { failureFromHttpError } from './http-failure.ts';
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
      // HttpExchange keeps the time, to the millisecond.
      headersTimeout: 0,
      bodyTimeout: 0,
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
    const { signal } = exchange;
    if (signal.aborted) return brokenOff(signal);
    const http = new HttpExchange({
      ...this.#settings,
      maxBytes: this.#settings.maxResponseBytes,
      wantsBody: ({ status, header }) => status < 400 && !isRedirect(status, header('location')),
    });
    const abort = (): void => {
      http.abort();
    };
    const total = setTimeout(abort, this.#settings.totalTimeoutMs);
    signal.addEventListener('abort', abort);
    this.#dispatch(exchange, http);
    const outcome = await http.outcome;
    clearTimeout(total);
    signal.removeEventListener('abort', abort);
    return outcome.kind === 'aborted' && exchange.signal.aborted
      ? brokenOff(signal)
      : await this.#read(outcome, exchange);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }

  #dispatch({ instance, token, conditional }: Exchange, http: HttpExchange): void {
    const { authorization } = this.#settings;
    const headers = {
      ...NOVA_HEADERS,
      ...(token === undefined ? {} : { 'X-Auth-Token': token }),
      ...conditional,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    this.#pool.dispatch(
      { method: 'POST', path: this.#path, headers: Object.entries(headers).flat(), body: instance.json },
      http,
    );
  }

  async #read(outcome: HttpOutcome, exchange: Exchange): Promise<TargetReply> {
    const { connectTimeoutMs, readTimeoutMs, totalTimeoutMs, maxResponseBytes } = this.#settings;
    switch (outcome.kind) {
      case 'response':
        return await this.#readBody(outcome.head, outcome.body, exchange);
      case 'head':
        return this.#refused(outcome.head);
      case 'too-large': {
        const { status } = outcome.head;
        return failed('TOO_LARGE', `The answer has more than ${maxResponseBytes} bytes.`, { status });
      }
      case 'not-connected':
        return failed('CONNECT_FAILED', `No connection within ${inSeconds(connectTimeoutMs)}.`);
      case 'silent':
        return failed('TIMEOUT', `The target sent nothing for ${inSeconds(readTimeoutMs)}.`);
      case 'aborted':
        return failed('TIMEOUT', `The target did not finish within ${inSeconds(totalTimeoutMs)}.`);
      case 'broken':
        return failureFromHttpError(outcome.error, outcome.phase);
    }
  }

  #refused({ status, header }: ResponseHead): TargetReply {
    if (status < 400) {
      // Nova would carry the token to whatever host the answer names.
      return failed('REDIRECT', `The target answered with a redirect (${status}), and none is followed.`, {
        status,
      });
    }
    const asksToWait = status === 429 || status === 503;
    return failed(status === 401 ? 'UNAUTHORIZED' : 'STATUS', `The target answered with status ${status}.`, {
      status,
      retryAfterSeconds: asksToWait ? parseRetryAfter(header('retry-after'), Date.now()) : undefined,
      headers: keptHeaders(header),
    });
  }

  /** Nova's order of decisions: emptiness, then JSON. */
  async #readBody(
    { status, header }: ResponseHead,
    body: Buffer,
    { conditional }: Exchange,
  ): Promise<TargetReply> {
    const headers = keptHeaders(header);
    if (status === 304 && Object.keys(conditional).length > 0) return { kind: 'not-modified', headers };
    const content = await decompress(body, header('content-encoding'), this.#settings.maxResponseBytes);
    if ('fault' in content) return failed(content.fault, content.message, { status });
    const text = readJsonText(content.bytes, charsetOf(header('content-type')));
    if ('fault' in text) return failed('NOT_JSON', `The answer ${text.fault}.`, { status });
    return { kind: 'answered', status, headers, json: text.json };
  }
}

/** A redirect that names no place is an answer like any other. */
const isRedirect = (status: number, location: string | undefined): boolean =>
  REDIRECTS.has(status) && location !== undefined;

function keptHeaders(header: ResponseHead['header']): Record<string, string> {
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

const sha256 = (secret: string): string => `sha256:${createHash('sha256').update(secret).digest('hex')}`;
