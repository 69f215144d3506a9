import { HallmarkError, notFound, unavailable, type ErrorCode } from '@hallmark/errors';
import type { CallOptions } from '@hallmark/rpc';
import { readBody } from '../http/body.ts';
import type { Exchange } from '../http/exchange.ts';
import { HttpFailure } from '../http/http-failure.ts';
import { invalidBody } from './validator.ts';

/** A request that was let in. */
export interface Asked {
  readonly exchange: Exchange;
  /** The instance in its path; empty where there is none. */
  readonly id: string;
  /** The project of the token; empty when it is scoped to none. */
  readonly projectId: string;
  /** Whether the caller may reach the instances of every project. */
  readonly othersToo: boolean;
  /** Longest wait for the service, beside a wait that the caller asks for. */
  readonly timeoutMs: number;
}

/** An instance, and the project to which it must belong; empty: any. */
export interface Target {
  readonly id: string;
  readonly projectId: string;
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * The instance in the path, within what the caller may reach.
 *
 * @throws HallmarkError `not-found` for what can be no id.
 */
export function targetOf({ id, projectId, othersToo }: Asked): Target {
  if (!UUID.test(id)) throw notFound('INSTANCE_UNKNOWN', 'There is no such instance.');
  return { id: id.toLowerCase(), projectId: othersToo ? '' : projectId };
}

export const callOptions = ({ exchange, timeoutMs }: Asked, waitSeconds = 0): CallOptions => ({
  requestId: exchange.id,
  timeoutMs: timeoutMs + waitSeconds * 1_000,
  signal: exchange.hangUpSignal,
});

/** The body as text and as what it says. */
export interface Json {
  readonly text: string;
  readonly value: unknown;
}

/** @throws HttpFailure 400 for what is no JSON in UTF-8, 413 for what is too large. */
export async function jsonBody(exchange: Exchange, maxBytes: number): Promise<Json> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    readBody(exchange.request, maxBytes, (failure, body) => {
      if (failure) reject(failure);
      else resolve(body);
    });
  });
  exchange.requestBytes = bytes.length;
  const text = decoded(bytes);
  const value = parsed(text);
  requireShallow(value);
  return { text, value };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw malformed(text === '' ? 'is empty; it must be JSON' : `is not valid JSON${placeIn(thrown)}`);
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('is not UTF-8');
  }
}

const malformed = (why: string): HttpFailure => new HttpFailure(400, 'BODY_MALFORMED', `The body ${why}.`);

/** Where V8 stumbled. The rest of its message shows the text, which may hold secrets. */
function placeIn(thrown: unknown): string {
  const [, position] = /at position (\d+)/.exec(thrown instanceof Error ? thrown.message : '') ?? [];
  return position === undefined ? '' : ` (at character ${position})`;
}

/** Deeper than any `network_data` or `devices`; whoever writes JSON anew by recursion is safe so far. */
const DEEPEST = 64;

/** @throws HttpFailure 400 when objects and lists are nested deeper than anyone reads. */
function requireShallow(value: unknown): void {
  const open: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    const depth = next.depth + 1;
    if (depth > DEEPEST) {
      throw invalidBody('The body', [{ pointer: '', message: `must not be nested deeper than ${DEEPEST}` }]);
    }
    for (const inner of Object.values(next.value)) {
      if (typeof inner === 'object') open.push({ value: inner, depth });
    }
  }
}

/** Codes with which the service speaks of the request; with others it speaks of this gateway. */
const VERDICTS: readonly ErrorCode[] = [
  'invalid',
  'not-found',
  'conflict',
  'not-ready',
  'over-quota',
  'unavailable',
  'timeout',
];

/** What the instances service answers. Its failures become what the caller is told of them. */
export async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw thrown instanceof HallmarkError ? failureOf(thrown) : thrown;
  }
}

function failureOf(thrown: HallmarkError): Error {
  const { code, reason, message, retryAfterSeconds } = thrown;
  // The IETF's draft on the header wants another status than for a conflict of instances.
  if (reason === 'IDEMPOTENCY_KEY_REUSED') return new HttpFailure(422, reason, message);
  if (VERDICTS.includes(code)) return thrown;
  return unavailable(reason, message, { cause: thrown, retryAfterSeconds });
}

/** Answers with JSON that nobody may keep. */
export function sendJson(
  exchange: Exchange,
  status: number,
  json: string,
  headers: readonly string[] = [],
): void {
  const body = Buffer.from(json);
  const common = [
    'Content-Length',
    String(body.length),
    'Content-Type',
    'application/json',
    'Cache-Control',
    'no-store',
  ];
  exchange.answer([...common, ...headers], body, status);
}
