import { timeout } from '@hallmark/errors';

/** grpc-js reports Infinity when the caller set no deadline; nothing here may take longer. */
const LONGEST_CALL_MS = 30_000;
/** Kept back per hop, so that our answer about a time-out arrives before the caller's own. */
const RETURN_MARGIN_MS = 20;

/**
 * Milliseconds that a call may still take when it has `deadline` from its caller.
 *
 * @throws HallmarkError `timeout` when nothing useful fits any more.
 */
export function budgetMs(deadline: Date | number, nowMs: number): number {
  const remaining = Math.min(Number(deadline) - nowMs, LONGEST_CALL_MS) - RETURN_MARGIN_MS;
  if (remaining <= 0) throw timeout('NO_TIME_LEFT', 'The deadline had passed when the call arrived.');
  return remaining;
}
