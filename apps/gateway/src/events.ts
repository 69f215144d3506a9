import { Counter, Gauge, Histogram, type Logger, type Registry } from '@hallmark/runtime';
import type { Exchange } from './http/exchange.ts';

/** The caches and the watched services, as metrics name them. */
export type CacheName = 'validations' | 'answers';
export type ServiceName = 'identity' | 'vendordata';

/** Paths as metrics know them; a path itself would be a label without bound. */
export type Route = '/vendordata' | '/vendordata/:name' | 'none';

/** How a request ended. */
export interface Ending {
  readonly status: number;
  /** Of the answer's body. */
  readonly bytes: number;
  /** The stable word of a failure, and what was thrown where nobody expected it. */
  readonly reason?: string | undefined;
  readonly err?: unknown;
}

/** nginx's word for a caller that hung up before the answer. */
export const HUNG_UP = 499;

interface MeasuredCache {
  readonly bytes: number;
  readonly entries: number;
}

const SECONDS = [0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** What is counted and logged about the gateway. */
export class GatewayEvents {
  readonly #log: Logger;
  readonly #registry: Registry;
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #seconds: Histogram<'route'>;
  readonly #bytes: Counter<'direction'>;
  readonly #lookups: Counter<'cache' | 'result'>;
  readonly #evictions: Counter<'cache'>;
  readonly #watchUp: Gauge<'service'>;
  readonly #watchLosses: Counter<'service'>;

  constructor(log: Logger, registry: Registry) {
    this.#log = log;
    this.#registry = registry;
    const registers = [registry];
    this.#requests = new Counter({
      name: 'hallmark_gateway_requests_total',
      help: 'Requests that ended, by status; 499 hung up before the answer.',
      labelNames: ['route', 'method', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'hallmark_gateway_request_seconds',
      help: 'Time from the headers of a request to its whole answer.',
      labelNames: ['route'],
      buckets: SECONDS,
      registers,
    });
    this.#bytes = new Counter({
      name: 'hallmark_gateway_body_bytes_total',
      help: 'Bytes of bodies received and sent.',
      labelNames: ['direction'],
      registers,
    });
    this.#lookups = new Counter({
      name: 'hallmark_gateway_cache_lookups_total',
      help: 'Look-ups in the hot caches: hit, miss (a service was asked), shared (as another request asked already).',
      labelNames: ['cache', 'result'],
      registers,
    });
    this.#evictions = new Counter({
      name: 'hallmark_gateway_cache_evictions_total',
      help: 'Entries that made room for others before their time.',
      labelNames: ['cache'],
      registers,
    });
    this.#watchUp = new Gauge({
      name: 'hallmark_gateway_watch_up',
      help: 'Whether the gateway hears of the invalidations of a service; without, answers are kept for a moment only.',
      labelNames: ['service'],
      registers,
    });
    this.#watchLosses = new Counter({
      name: 'hallmark_gateway_watch_losses_total',
      help: 'Times that the watch of a service was lost, and all that was kept of it dropped.',
      labelNames: ['service'],
      registers,
    });
    this.#watchUp.set({ service: 'identity' }, 0);
    this.#watchUp.set({ service: 'vendordata' }, 0);
  }

  /** Reports the size of the hot caches whenever somebody asks. */
  measure(caches: Readonly<Record<CacheName, MeasuredCache>>): void {
    const registers = [this.#registry];
    const each = (read: (cache: MeasuredCache) => number) =>
      function (this: Gauge<'cache'>): void {
        this.set({ cache: 'validations' }, read(caches.validations));
        this.set({ cache: 'answers' }, read(caches.answers));
      };
    new Gauge({
      name: 'hallmark_gateway_cache_bytes',
      help: 'Memory that the hot caches take.',
      labelNames: ['cache'],
      registers,
      collect: each((cache) => cache.bytes),
    });
    new Gauge({
      name: 'hallmark_gateway_cache_entries',
      help: 'Entries in the hot caches.',
      labelNames: ['cache'],
      registers,
      collect: each((cache) => cache.entries),
    });
  }

  /** The one line and the observations of a request. */
  ended(exchange: Exchange, { status, bytes, reason, err }: Ending, nowMs: number): void {
    const { route, callerOrigin, answerOrigin } = exchange;
    const { method = '', url = '' } = exchange.request;
    const latencyMs = nowMs - exchange.startedAtMs;
    this.#requests.inc({ route, method: METHODS.has(method) ? method : 'other', status });
    this.#seconds.observe({ route }, latencyMs / 1_000);
    this.#bytes.inc({ direction: 'received' }, exchange.requestBytes);
    this.#bytes.inc({ direction: 'sent' }, bytes);
    if (callerOrigin) this.#lookups.inc({ cache: 'validations', result: callerOrigin });
    if (answerOrigin) this.#lookups.inc({ cache: 'answers', result: answerOrigin });
    const line = {
      requestId: exchange.id,
      method,
      path: pathOf(url),
      status,
      latencyMs: Math.round(latencyMs * 1_000) / 1_000,
      userId: exchange.caller?.userId,
      projectId: exchange.caller?.projectId,
      caller: callerOrigin,
      answer: answerOrigin,
      parts: exchange.parts,
      requestBytes: exchange.requestBytes,
      bytes,
      reason,
      err,
    };
    if (err === undefined) this.#log.info(line, 'request');
    else this.#log.error(line, 'request');
  }

  /** Bytes that were no request. */
  malformed(requestId: string, status: number, reason: string): void {
    this.#requests.inc({ route: 'none', method: 'other', status });
    this.#log.info({ requestId, status, reason }, 'no request');
  }

  evicted(cache: CacheName): void {
    this.#evictions.inc({ cache });
  }

  watchUp(service: ServiceName): void {
    this.#watchUp.set({ service }, 1);
    this.#log.info({ service }, 'watching invalidations');
  }

  watchLost(service: ServiceName, err: unknown): void {
    this.#watchUp.set({ service }, 0);
    this.#watchLosses.inc({ service });
    this.#log.warn({ service, err }, 'watch lost, nothing of this service is kept for long until it is back');
  }
}

/** Without the query, which means nothing here and may hold anything. */
function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
