/** Why a target gave no usable answer. The words are those of `Failure.reason` on the wire. */
export interface TargetFailure {
  reason:
    | 'CONNECT_FAILED'
    | 'TIMEOUT'
    | 'TLS_FAILED'
    | 'RESET'
    | 'STATUS'
    | 'REDIRECT'
    | 'NOT_JSON'
    | 'TOO_LARGE'
    | 'TRUNCATED'
    | 'BREAKER_OPEN'
    | 'BUSY'
    | 'RETRY_AFTER'
    | 'UNAUTHORIZED'
    | 'NO_TOKEN'
    | 'CANCELLED';
  /** One sentence for a person, without tokens, bodies or credentials. */
  message: string;
  status?: number;
  retryAfterSeconds?: number;
}

/** What one exchange with a target brought. Never rejects for an ordinary failure. */
export type TargetReply =
  | {
      kind: 'answered';
      status: number;
      headers: Readonly<Record<string, string>>;
      /** Validated JSON in UTF-8, never empty: an empty body is `{}`. */
      json: Buffer;
    }
  | { kind: 'not-modified'; headers: Readonly<Record<string, string>> }
  | { kind: 'failed'; failure: TargetFailure; headers?: Readonly<Record<string, string>> };

/** Asks one target once. `conditional` holds `If-None-Match` or `If-Modified-Since`. */
export type AskTarget = (
  conditional: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<TargetReply>;

/** What an answer is kept under. */
export interface AnswerKey {
  target: string;
  instanceId: string;
  /** SHA-256, in hex, of the target's fingerprint and everything sent to it except the token. */
  digest: string;
  /** What `Vary` may name. The token appears only as `sha256:<hex>`. */
  requestHeaders: Readonly<Record<string, string>>;
  url: string;
}

/** What the operator allows beyond the answer's own words. */
export interface CachePolicy {
  /**
   * For how many seconds past its freshness a good answer may serve when the target fails.
   * Undefined: only as the answer itself allows.
   */
  maxStaleSeconds: number | undefined;
  /** Stands in when the target says neither `Cache-Control` nor `Expires`. */
  defaultCacheControl: string | undefined;
  /** Longest life of a request that several callers share. */
  flightTimeoutMs: number;
}

/** What a target, or the cache in its stead, has to say. */
export type Outcome =
  | {
      kind: 'answered';
      source: 'fresh' | 'cached' | 'shared';
      json: Buffer;
      ageSeconds: number;
      ttlSeconds: number;
      /** The life that the answer claims from its making. Undefined: it claims nothing. */
      lifetimeSeconds?: number;
    }
  | {
      kind: 'stale';
      json: Buffer;
      ageSeconds: number;
      lifetimeSeconds?: number;
      failure?: TargetFailure;
    }
  | { kind: 'failed'; failure: TargetFailure };

/** Answers by key, asked for only when no kept one may serve. */
export interface Answers {
  /**
   * Never rejects for an ordinary failure. Identical requests are merged. `signal` is this
   * caller's only: the shared request is aborted when its last caller is gone.
   */
  resolve(key: AnswerKey, policy: CachePolicy, ask: AskTarget, signal: AbortSignal): Promise<Outcome>;
  /** Forgets answers, here and in the shared cache, and tells the watchers. Returns how many. */
  purge(what: { instanceId?: string; target?: string }): Promise<number>;
  /** The newest invalidation known here. */
  version(): number;
  state(): {
    entries: number;
    sizeBytes: number;
    maxBytes: number;
    shared: boolean;
    sharedHealthy: boolean;
  };
  stats(target: string): { hits: number; stale: number; misses: number };
}
