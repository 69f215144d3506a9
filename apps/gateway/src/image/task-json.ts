import type { images } from '@hallmark/contracts';

/** What became of a task that was to be cancelled; Hallmark's own. */
export const taskJson = ({ id, status, reason, bytesDone, bytesTotal }: images.Task): Buffer =>
  Buffer.from(
    JSON.stringify({
      id,
      status,
      reason: reason === '' ? null : reason,
      bytes_done: bytesDone,
      bytes_total: bytesTotal ?? null,
      self: `/v2/tasks/${id}`,
    }),
  );
