/** Stands in the body where each request is to have an instance of its own. */
export const OWN_INSTANCE = '00000000-0000-0000-0000-000000000000';

interface Limits {
  readonly port: number;
  readonly connections: number;
  /** It stops at so many requests, or after this time, whichever is given. */
  readonly requests?: number;
  readonly durationMs?: number;
}

/** The same POST again and again. */
export interface PostPlan extends Limits {
  readonly kind: 'post';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Visitors, each of whom reads all paths in turn on one connection. With `durationMs` they come again when all
 * were there, else each comes once.
 */
export interface VisitPlan extends Limits {
  readonly kind: 'visit';
  readonly paths: readonly string[];
  readonly visitors: readonly Visitor[];
}

/** A visitor, by what its requests carry. `path` goes before each of the paths. */
export interface Visitor {
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the load client is to do. */
export type LoadPlan = PostPlan | VisitPlan;

export interface LoadResult {
  readonly requests: number;
  /** How many were not answered with 2xx, by status; 0 is a broken connection. */
  readonly failures: Readonly<Record<number, number>>;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
