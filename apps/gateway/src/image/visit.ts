import type { images } from '@hallmark/contracts';
import type { CallOptions, RpcClient } from '@hallmark/rpc';
import type { Exchange } from '../http/exchange.ts';
import { HttpFailure } from '../http/http-failure.ts';
import type { Params } from './image-paths.ts';

export type ImagesClient = Omit<RpcClient<images.ImagesServiceService>, typeof Symbol.asyncDispose>;

/** What a new configuration may change while the listener is up. */
export interface ImageRules {
  /** Longest body that is not image data. */
  readonly maxBodyBytes: number;
  /** Longest wait for identity, for images, and for a body that is not image data. */
  readonly timeoutMs: number;
  /** What the links of the versions document begin with, when that is not where the request went. */
  readonly publicUrl: string | undefined;
}

/** A request of a known caller for something that there is. */
export interface Visit {
  readonly exchange: Exchange;
  readonly caller: images.Caller;
  readonly params: Params;
  readonly rules: ImageRules;
}

/** Who asks, as images needs to know. Whether they may is decided there. */
export function wireCaller({ caller }: Exchange): images.Caller {
  if (!caller) throw new Error('A request was let in without a caller.');
  const { userId, projectId, roles, serviceRoles, systemScope } = caller;
  return { userId, projectId, roles: [...roles], serviceRoles: [...serviceRoles], systemScope };
}

/** For what changes nothing, or the same when done twice. */
export const toRepeat = ({ exchange, rules }: Pick<Visit, 'exchange' | 'rules'>): CallOptions => ({
  requestId: exchange.id,
  timeoutMs: rules.timeoutMs,
  signal: exchange.hangUpSignal,
});

/** For what must not be done twice. */
export const once = (visit: Visit): CallOptions => ({ ...toRepeat(visit), repeatable: false });

/** The header as it came; empty when it did not. */
export function headerOf({ exchange }: Visit, name: string): string {
  const value = exchange.request.headers[name];
  return typeof value === 'string' ? value : '';
}

/** `Content-Length`; undefined for a body that ends when it ends. Node lets none pass that is no number. */
export function lengthOf(visit: Visit): number | undefined {
  const value = headerOf(visit, 'content-length');
  return value === '' ? undefined : Number(value);
}

export function hasBody({ request: { headers } }: Exchange): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * The body as it came.
 *
 * @throws HttpFailure 413 when it is too long, 408 when it does not arrive in time.
 */
export async function bodyOf({ exchange, rules }: Visit): Promise<Buffer> {
  const { maxBodyBytes, timeoutMs } = rules;
  if (Number(exchange.request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
  exchange.welcomeBody();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of inPieces(exchange, late.signal)) {
      chunks.push(chunk);
      if (exchange.requestBytes > maxBodyBytes) throw tooLarge(maxBodyBytes);
    }
  } catch (thrown) {
    if (late.signal.aborted)
      throw new HttpFailure(408, 'REQUEST_TIMEOUT', 'The body did not arrive in time.');
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/**
 * The body piece by piece, counted, no faster than it is read. Whoever stops leaves the connection as it is:
 * there is still an answer to be sent on it.
 */
export async function* inPieces(exchange: Exchange, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  const pieces: AsyncIterator<Buffer, undefined> = exchange.request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const { done, value } = await orAborted(pieces.next(), signal);
      if (done === true) return;
      exchange.requestBytes += value.length;
      yield value;
    }
  } finally {
    // Not awaited: it comes after a piece that may never come.
    void pieces.return?.();
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(new Error('It took too long.'));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

const tooLarge = (maxBytes: number): HttpFailure =>
  new HttpFailure(
    413,
    'BODY_TOO_LARGE',
    `The body is larger than ${maxBytes} bytes, the limit in [gateway_image] max_body_bytes.`,
  );
