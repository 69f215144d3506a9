import type { instances } from '@hallmark/contracts';
import { HallmarkError, unavailable } from '@hallmark/errors';
import type { DataAnswer, DataClient } from '@hallmark/rpc';
import type { Asked } from './asked.ts';
import { DRIVE_MEDIA } from './operations.ts';

/** Where the bytes of drives come from. */
export type DriveClient = Pick<DataClient, 'get'>;

const EXTENSIONS = { iso9660: 'iso', vfat: 'img' } as const;

/** Answers with the bytes of a drive as they come, or with 304 to a caller that has them. */
export async function sendConfigDrive(
  { exchange }: Asked,
  id: string,
  { ticket, configDrive }: instances.OpenConfigDriveResponse,
  drives: DriveClient,
): Promise<void> {
  if (!configDrive) throw new Error('The instances service opened a config drive without saying what it is.');
  const { size, sha256 } = configDrive;
  const format = configDrive.format === 'vfat' ? 'vfat' : 'iso9660';
  const etag = `"${sha256}"`;
  // The drive holds what only the guest should read: no store on the way may have it.
  const common = ['ETag', etag, 'Cache-Control', 'no-store'];
  if (hasOne(exchange.request.headers['if-none-match'], etag)) {
    exchange.answer(common, NOTHING, 304);
    return;
  }
  const headers = [
    ...common,
    ...['Content-Type', DRIVE_MEDIA[format]],
    ...['Content-Length', String(size)],
    ...['Content-Disposition', `attachment; filename="config-2-${id}.${EXTENSIONS[format]}"`],
    ...['Repr-Digest', `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`],
    ...['Accept-Ranges', 'none'],
  ];
  if (exchange.request.method === 'HEAD') {
    exchange.answer(headers, NOTHING);
    return;
  }
  const { body } = await redeemed(
    drives.get({ kind: 'config-drives', ticket }, { requestId: exchange.id, signal: exchange.hangUpSignal }),
  );
  await exchange.stream(headers, size, body);
}

/** A ticket that is not taken is no fault of the caller's, who never saw it. */
async function redeemed(answer: Promise<DataAnswer>): Promise<DataAnswer> {
  try {
    return await answer;
  } catch (thrown) {
    if (!(thrown instanceof HallmarkError) || thrown.code === 'timeout') throw thrown;
    const { reason, message, retryAfterSeconds } = thrown;
    throw unavailable(reason, message, { cause: thrown, retryAfterSeconds });
  }
}

const NOTHING = Buffer.alloc(0);

/** `If-None-Match` compares weakly (RFC 9110, 13.1.2). */
function hasOne(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
