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
  /** Sends requests that wait, one on each connection; answers when all are sent. Its end ends them. */
  crowd: {
    input: object;
    ready: object;
    question: { port: number; path: string; visitors: readonly Visitor[]; count: number };
    answer: number;
  };
}

export type ProgramName = keyof Programs;
