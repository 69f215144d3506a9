import { z } from 'zod';
import type { TargetFailure } from '../domain/answer.ts';
import { Freshness } from './freshness.ts';

/** What a target said, with what may be done with it. */
export interface Answer {
  readonly json: Buffer;
  readonly freshness: Freshness;
}

/** What one replica tells the others about a request: through Redis, sealed. */
export type AnswerRecord =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly failure: TargetFailure };

const Head = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('answer'), freshness: Freshness }),
  z.object({
    kind: z.literal('failed'),
    failure: z.object({
      reason: z.enum([
        'CONNECT_FAILED',
        'TIMEOUT',
        'TLS_FAILED',
        'RESET',
        'STATUS',
        'REDIRECT',
        'NOT_JSON',
        'TOO_LARGE',
        'TRUNCATED',
        'BREAKER_OPEN',
        'BUSY',
        'RETRY_AFTER',
        'UNAUTHORIZED',
        'NO_TOKEN',
        'CANCELLED',
      ]),
      message: z.string(),
      status: z.number().optional(),
      retryAfterSeconds: z.number().optional(),
    }),
  }),
]);

const LENGTH_BYTES = 4;

/** Length of the head, the head in JSON, then the target's JSON byte for byte: it is never parsed here. */
export function encodeRecord(record: AnswerRecord): Buffer {
  const head: z.input<typeof Head> =
    record.kind === 'answer' ? { kind: 'answer', freshness: record.answer.freshness } : record;
  const headBytes = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(headBytes.length);
  return Buffer.concat([length, headBytes, record.kind === 'answer' ? record.answer.json : Buffer.alloc(0)]);
}

/** Undefined for what another version of Hallmark wrote in a way that this one does not know. */
export function decodeRecord(bytes: Buffer): AnswerRecord | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + bytes.readUInt32BE();
  const head = Head.safeParse(parseJson(bytes.subarray(LENGTH_BYTES, end).toString()));
  if (!head.success) return undefined;
  if (head.data.kind === 'failed') return head.data;
  return { kind: 'answer', answer: { json: bytes.subarray(end), freshness: head.data.freshness } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
