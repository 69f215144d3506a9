import type { Readable } from 'node:stream';
import { z } from 'zod';
import { HallmarkError, notFound, unavailable } from '@hallmark/errors';
import type { Tickets } from '@hallmark/postgres';
import type { Bytes } from '../stores/store.ts';
import {
  DOWNLOADS,
  STAGES,
  UPLOADS,
  type DownloadTicket,
  type StageTicket,
  type UploadTicket,
} from '../transfer.ts';

const TicketCaller = z.object({
  userId: z.string(),
  projectId: z.string(),
  roles: z.array(z.string()),
  serviceRoles: z.array(z.string()),
  systemScope: z.boolean(),
});
const Stage = z.object({
  imageId: z.string(),
  caller: TicketCaller,
  requestId: z.string(),
  declaredSize: z.number().nullable(),
});

/** What a ticket of each kind stands for. It was in the database, so its shape is looked at. */
const PAYLOADS = {
  [UPLOADS]: Stage.extend({ storeId: z.string() }) satisfies z.ZodType<UploadTicket>,
  [STAGES]: Stage satisfies z.ZodType<StageTicket>,
  [DOWNLOADS]: z.object({
    imageId: z.string(),
    copies: z.array(z.object({ storeId: z.string(), url: z.string() })),
    offset: z.number(),
    length: z.number(),
  }) satisfies z.ZodType<DownloadTicket>,
};

type Kind = keyof typeof PAYLOADS;

/** @throws HallmarkError `TICKET_UNKNOWN` */
export async function redeem<K extends Kind>(
  tickets: Tickets,
  kind: K,
  ticket: string,
): Promise<z.infer<(typeof PAYLOADS)[K]>> {
  const payload = await tickets.redeem(kind, ticket);
  if (payload === undefined) throw notFound('TICKET_UNKNOWN', 'The ticket is unknown, used or too old.');
  return PAYLOADS[kind].parse(payload) as z.infer<(typeof PAYLOADS)[K]>;
}

/**
 * The body of a request, which stays open when reading ends early: what is wrong with it can then
 * still be answered on its connection.
 */
export async function* bodyOf(body: Readable): Bytes {
  try {
    for await (const piece of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield piece;
  } catch (cause) {
    if (cause instanceof HallmarkError) throw cause;
    throw unavailable('UPLOAD_BROKEN', 'The connection broke before all of the data had come.', { cause });
  }
}
