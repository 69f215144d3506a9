import type { GuestRoute } from './guest/guest-path.ts';
import type { ImageRoute } from './image/image-paths.ts';
import { Counter, Gauge, Histogram, type Logger, type Registry } from '@hallmark/runtime';

/** The caches and the watched services, as metrics name them. */
export type CacheName = 'validations' | 'answers' | 'metadata' | 'addresses';
export type ServiceName = 'identity' | 'vendordata' | 'instances';
/** Who says who a guest is. */
export type Introducer = 'proxy' | 'load-balancer' | 'address';

/** Paths as metrics know them; a path itself would be a label without bound. */
export type Route =
  | '/vendordata'
  | '/vendordata/:name'
  | '/openapi.json'
  | '/v1'
  | '/v1/instances'
  | '/v1/instances/:id'
  | '/v1/instances/:id/metadata'
  | '/v1/instances/:id/rebuild'
  | '/v1/instances/:id/config-drive'
  | GuestRoute
  | ImageRoute
  | 'none';

/** How the gateway came by something: it was kept, asked for, or asked for by another request already. */
export type Origin = 'hit' | 'miss' | 'shared';

/** A request, as far as it is worth telling of. */
export interface SeenRequest {
  readonly id: string;
  readonly route: Route;
  readonly request: { readonly method?: string | undefined; readonly url?: string | undefined };
  readonly elapsedMs: number;
  readonly requestBytes: number;
  readonly caller: { readonly userId: string; readonly projectId: string } | undefined;
  /** Where the word on the caller, and the answer, came from. */
  readonly callerOrigin: Origin | undefined;
  readonly answerOrigin: Origin | undefined;
  /** The instance that it is about, where that is known and not in the path. */
  readonly instanceId?: string | undefined;
  /** Of a guest: who said so, the project that was named, and where its record came from. */
  readonly introducedBy?: Introducer | undefined;
  readonly projectId?: string | undefined;
  readonly metadataOrigin?: Origin | undefined;
  /** Whether it waited for a change: its time is the guest's choice. */
  readonly waited?: boolean;
  /** What each target contributed. */
  readonly parts: readonly object[] | undefined;
}

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
  readonly #seconds: Histogram<'route'>;
  readonly #invalidations: Counter<'service'>;
  // Plain numbers, read when somebody asks for metrics: these are counted with every answer.
  readonly #requests = new Map<Route, Map<string, number>>();
  readonly #bytes = { received: 0, sent: 0 };
  #inFlight = 0;
  readonly #lookups: Readonly<Record<CacheName, Record<Origin, number>>> = {
    validations: { hit: 0, miss: 0, shared: 0 },
    answers: { hit: 0, miss: 0, shared: 0 },
    metadata: { hit: 0, miss: 0, shared: 0 },
    addresses: { hit: 0, miss: 0, shared: 0 },
  };
  readonly #evictions: Counter<'cache'>;
  readonly #watchUp: Gauge<'service'>;
  readonly #watchLosses: Counter<'service'>;

  constructor(log: Logger, registry: Registry) {
    this.#log = log;
    this.#registry = registry;
    const registers = [registry];
    this.#seconds = new Histogram({
      name: 'hallmark_gateway_request_seconds',
      help: 'Time from the headers of a request to its whole answer.',
      labelNames: ['route'],
      buckets: SECONDS,
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
    this.#invalidations = new Counter({
      name: 'hallmark_gateway_invalidations_total',
      help: 'Invalidations that the watch of a service told of.',
      labelNames: ['service'],
      registers,
    });
    this.#countPlainNumbers();
  }

  /** Reports how many guests wait for a change whenever somebody asks. */
  measureWaiters(waiters: { readonly size: number }): void {
    new Gauge({
      name: 'hallmark_gateway_waiters',
      help: 'Requests of guests that wait for a change.',
      registers: [this.#registry],
      collect() {
        this.set(waiters.size);
      },
    });
  }

  /** Reports the size of the hot caches whenever somebody asks. */
  measure(caches: Readonly<Partial<Record<CacheName, MeasuredCache>>>): void {
    const registers = [this.#registry];
    const each = (read: (cache: MeasuredCache) => number) =>
      function (this: Gauge<'cache'>): void {
        for (const [cache, measured] of Object.entries(caches)) this.set({ cache }, read(measured));
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

  began(): void {
    this.#inFlight += 1;
  }

  /** The one line and the observations of a request. */
  ended(seen: SeenRequest, { status, bytes, reason, err }: Ending): void {
    const { route, caller, callerOrigin, answerOrigin, elapsedMs, requestBytes } = seen;
    const { method = '', url = '' } = seen.request;
    this.#count(route, METHODS.has(method) ? method : 'other', status);
    if (!seen.waited) this.#seconds.observe({ route }, elapsedMs / 1_000);
    this.#inFlight -= 1;
    this.#bytes.received += requestBytes;
    this.#bytes.sent += bytes;
    if (callerOrigin) this.#lookups.validations[callerOrigin] += 1;
    if (answerOrigin) this.#lookups.answers[answerOrigin] += 1;
    if (seen.metadataOrigin) this.#lookups.metadata[seen.metadataOrigin] += 1;
    const line: RequestLine = {
      requestId: seen.id,
      method,
      path: pathOf(url),
      status,
      latencyMs: Math.round(elapsedMs * 1_000) / 1_000,
      requestBytes,
      bytes,
    };
    if (caller) {
      line.userId = caller.userId;
      line.projectId = caller.projectId;
      line.caller = callerOrigin;
    }
    if (answerOrigin) line.answer = answerOrigin;
    if (seen.instanceId !== undefined) line.instanceId = seen.instanceId;
    if (seen.introducedBy) {
      line.introducedBy = seen.introducedBy;
      if (seen.projectId !== undefined) line.projectId = seen.projectId;
      if (seen.metadataOrigin) line.metadata = seen.metadataOrigin;
      if (seen.waited) line.waited = true;
    }
    if (seen.parts) line.parts = seen.parts;
    if (reason !== undefined) line.reason = reason;
    if (err === undefined) this.#log.info(line, 'request');
    else this.#log.error({ ...line, err }, 'request');
  }

  /** Bytes that were no request. */
  malformed(requestId: string, status: number, reason: string): void {
    this.#count('none', 'other', status);
    this.#log.info({ requestId, status, reason }, 'no request');
  }

  evicted(cache: CacheName): void {
    this.#evictions.inc({ cache });
  }

  invalidated(service: ServiceName): void {
    this.#invalidations.inc({ service });
  }

  /** A watch is begun. */
  watching(service: ServiceName): void {
    this.#watchUp.set({ service }, 0);
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

  #count(route: Route, method: string, status: number): void {
    let endings = this.#requests.get(route);
    if (!endings) {
      endings = new Map();
      this.#requests.set(route, endings);
    }
    const ending = `${method} ${status}`;
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }

  #countPlainNumbers(): void {
    const registers = [this.#registry];
    const requests = this.#requests;
    new Counter({
      name: 'hallmark_gateway_requests_total',
      help: 'Requests that ended, by status; 499 hung up before the answer.',
      labelNames: ['route', 'method', 'status'],
      registers,
      collect() {
        this.reset();
        for (const [route, endings] of requests) {
          for (const [ending, count] of endings) {
            const [method = '', status = ''] = ending.split(' ');
            this.inc({ route, method, status }, count);
          }
        }
      },
    });
    const bytes = this.#bytes;
    new Counter({
      name: 'hallmark_gateway_body_bytes_total',
      help: 'Bytes of bodies received and sent.',
      labelNames: ['direction'],
      registers,
      collect() {
        this.reset();
        this.inc({ direction: 'received' }, bytes.received);
        this.inc({ direction: 'sent' }, bytes.sent);
      },
    });
    const inFlight = (): number => this.#inFlight;
    new Gauge({
      name: 'hallmark_gateway_requests_in_flight',
      help: 'Requests that have not ended yet.',
      registers,
      collect() {
        this.set(inFlight());
      },
    });
    const lookups = Object.entries(this.#lookups);
    new Counter({
      name: 'hallmark_gateway_cache_lookups_total',
      help: 'Look-ups in the hot caches: hit, miss (a service was asked), shared (as another request asked already).',
      labelNames: ['cache', 'result'],
      registers,
      collect() {
        this.reset();
        for (const [cache, results] of lookups) {
          for (const [result, count] of Object.entries(results)) this.inc({ cache, result }, count);
        }
      },
    });
  }
}

/** The members of the line that is logged about a request. */
interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly latencyMs: number;
  readonly requestBytes: number;
  readonly bytes: number;
  userId?: string;
  projectId?: string;
  caller?: Origin | undefined;
  answer?: Origin;
  instanceId?: string;
  introducedBy?: Introducer;
  metadata?: Origin;
  waited?: boolean;
  parts?: readonly object[];
  reason?: string;
}

/** Without the query, which means nothing here and may hold anything. */
function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
