import { z } from 'zod';
import type { JsonValue } from '../worker-bus.ts';

/**
 * What the primary process and its workers say to each other. prom-client and Node talk on the same
 * channel; what is not one of these messages is theirs.
 */

const json: z.ZodType<JsonValue> = z.json();
const files = z.array(z.object({ path: z.string(), text: z.string() }));

const busMessage = z.object({ hallmark: z.literal('bus'), topic: z.string(), message: json });

const toWorker = z.discriminatedUnion('hallmark', [
  /** Start the app. The text travels, so that a replaced worker never sees a file that was refused. */
  z.object({ hallmark: z.literal('start'), files }),
  z.object({ hallmark: z.literal('reload'), question: z.number(), files }),
  z.object({ hallmark: z.literal('readiness'), question: z.number() }),
  z.object({ hallmark: z.literal('stop') }),
  busMessage,
]);

const toPrimary = z.discriminatedUnion('hallmark', [
  z.object({ hallmark: z.literal('started'), addresses: z.record(z.string(), z.array(z.string())) }),
  z.object({ hallmark: z.literal('failed'), lines: z.array(z.string()) }),
  /** Readiness: why not. Reload: what is wrong with the new configuration. */
  z.object({ hallmark: z.literal('answer'), question: z.number(), reasons: z.array(z.string()) }),
  busMessage,
]);

export type ToWorker = z.output<typeof toWorker>;
export type ToPrimary = z.output<typeof toPrimary>;

export const readToWorker = (message: unknown): ToWorker | undefined => toWorker.safeParse(message).data;
export const readToPrimary = (message: unknown): ToPrimary | undefined => toPrimary.safeParse(message).data;
