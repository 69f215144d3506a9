import type { BulkPlan, BulkResult } from '../load/bulk.ts';
import type { ImportPlan } from '../load/imports.ts';
import type { LoadPlan, LoadResult, Visitor } from '../load/plan.ts';

/** What each program of the bench is started with, says when it is ready, and answers when it is asked. */
export interface Programs {
  /** Bare Fastify. */
  echo: { input: object; ready: { port: number }; question: never; answer: never };
  /** Bare Fastify with documents, which it has as text: by path, what it answers. */
  documents: {
    input: { documents: Record<string, string> };
    ready: { port: number };
    question: never;
    answer: never;
  };
  /** Fastify in front of `hop-back`. */
  'hop-front': { input: { address: string }; ready: { port: number }; question: never; answer: never };
  'hop-back': { input: object; ready: { address: string }; question: never; answer: never };
  /** A set of targets; asked, it tells how often each was called. */
  targets: {
    input: { count: number; delayMs: number };
    ready: { ports: number[] };
    question: 'calls';
    answer: number[];
  };
  'load-client': { input: object; ready: object; question: LoadPlan; answer: LoadResult };
  /** Fastify that writes and digests what it gets into a file in `directory`, and gives it back. */
  direct: { input: { directory: string }; ready: { port: number }; question: never; answer: never };
  'bulk-client': { input: object; ready: object; question: BulkPlan; answer: BulkResult };
  /** Creates, stages and imports images; a request is an image that became active. */
  importer: { input: object; ready: object; question: ImportPlan; answer: LoadResult };
  /** Sends requests that wait, one on each connection; answers when all are sent. Its end ends them. */
  crowd: {
    input: object;
    ready: object;
    question: { port: number; path: string; visitors: readonly Visitor[]; count: number };
    answer: number;
  };
}

export type ProgramName = keyof Programs;
