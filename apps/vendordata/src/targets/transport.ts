import { HallmarkError } from '@hallmark/errors';
import type { TargetFailure, TargetReply } from '../domain/answer.ts';
import type { Instance } from '../domain/instance.ts';

/** One question to a target. */
export interface Exchange {
  readonly instance: Instance;
  /** `If-None-Match` or `If-Modified-Since`, when a kept answer may only need to be confirmed. */
  readonly conditional: Readonly<Record<string, string>>;
  /** The service account's token. Undefined: the operator configured none. */
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** Carries questions to one target and brings back what it says. */
export interface Transport extends AsyncDisposable {
  /** What every question carries beside its body and the token; `Vary` may name it. Secrets are digests. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** Never rejects: whatever goes wrong on the way is a reply. */
  send(exchange: Exchange): Promise<TargetReply>;
}

export function failed(
  reason: TargetFailure['reason'],
  message: string,
  details: { status?: number; retryAfterSeconds?: number; headers?: Readonly<Record<string, string>> } = {},
): Extract<TargetReply, { kind: 'failed' }> {
  const { headers, ...facts } = details;
  return { kind: 'failed', failure: { reason, message, ...facts }, ...(headers && { headers }) };
}

/**
 * What a question that was broken off means. A deadline is the target's silence; anything else is
 * a caller who left, and says nothing about the target.
 */
export function brokenOff(signal: AbortSignal): Extract<TargetReply, { kind: 'failed' }> {
  return isDeadline(signal.reason)
    ? failed('TIMEOUT', 'The target did not answer before the deadline of the request.')
    : failed('CANCELLED', 'The caller went away.');
}

/** As `AbortSignal.timeout` aborts, and as the RPC server does when its caller's time is over. */
export function isDeadline(reason: unknown): boolean {
  if (reason instanceof HallmarkError) return reason.code === 'timeout';
  return typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
}

export const inSeconds = (ms: number): string => `${Math.round(ms) / 1000} s`;
