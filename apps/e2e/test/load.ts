import { randomUUID } from 'node:crypto';
import { novaBody, type Answer, type House } from './house.ts';
import { onLanes } from './lanes.ts';

/** What went through a house while a test did something to it. */
export interface LoadReport {
  readonly answers: readonly Answer[];
  /** Requests that got no answer at all, by what they threw. */
  readonly lost: readonly unknown[];
}

export interface LoadOptions {
  token: string;
  /** Requests under way at one time. */
  concurrency: number;
  /** The body of request number `n`. Default: an instance of its own each. */
  body?: (n: number) => string;
}

/**
 * Sends requests, one after another on each of `concurrency` lanes, while `meanwhile` runs and then
 * until every lane has had its last answer.
 */
export async function underLoad(
  house: House,
  { token, concurrency, body = () => novaBody(randomUUID()) }: LoadOptions,
  meanwhile: (sent: () => number) => Promise<void>,
): Promise<LoadReport> {
  const answers: Answer[] = [];
  const lost: unknown[] = [];
  let sent = 0;
  const send = async (): Promise<void> => {
    try {
      answers.push(await house.post(body(sent++), { token }));
    } catch (error) {
      lost.push(error);
    }
  };
  const lanes = Array.from({ length: concurrency }, () => send);
  await onLanes(lanes, async () => meanwhile(() => answers.length));
  return { answers, lost };
}

/** How many answers had each status. */
export function statuses({ answers }: LoadReport): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
