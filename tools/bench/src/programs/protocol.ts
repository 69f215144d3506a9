import type { LoadPlan, LoadResult } from '../load/run-load.ts';

/** What each program of the bench is started with, says when it is ready, and answers when it is asked. */
export interface Programs {
  /** Bare Fastify. */
  echo: { input: object; ready: { port: number }; question: never; answer: never };
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
}

export type ProgramName = keyof Programs;
