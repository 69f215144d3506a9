import type { Database, Tickets } from '@hallmark/postgres';
import type { Clock } from '@hallmark/runtime';
import type { Caller } from '../domain/caller.ts';
import { IMAGE_ID } from '../domain/image.ts';
import { imageUnknown } from '../domain/policy/policy.ts';
import { representImage } from '../domain/representation.ts';
import type { ImagesEvents } from '../events.ts';
import type { ImagesSettings } from '../settings/images-settings.ts';
import type { ImageList } from '../store/image-list.ts';
import type { ImageRecords, ImagesTransaction } from '../store/image-records.ts';
import type { FoundImage } from '../store/image-rows.ts';
import type { Tables } from '../store/tables.ts';
import type { TaskRecords } from '../store/tasks.ts';

/** What every kind of call works with. */
export interface Workshop {
  /** Asked anew for each call: a reload swaps it. */
  readonly settings: () => ImagesSettings;
  readonly db: Database<Tables>;
  readonly records: ImageRecords;
  readonly list: ImageList;
  readonly tasks: TaskRecords;
  readonly tickets: Tickets;
  readonly events: ImagesEvents;
  readonly clock: Clock;
}

/** How a call says that there is no such image. */
type Unknown = (id: string) => Error;

/** An image that the caller may see. */
export async function seeImage(
  { records, settings }: Workshop,
  caller: Caller,
  id: string,
  unknown: Unknown = imageUnknown,
): Promise<FoundImage> {
  const image = IMAGE_ID.test(id) ? await records.find(id, caller.projectId) : undefined;
  if (!image || !settings().policy.maySee(caller, image)) throw unknown(id);
  return image;
}

/** Works on an image that the caller may see, while nobody else can change it. */
export async function withImage<T>(
  { records, settings }: Workshop,
  caller: Caller,
  id: string,
  work: (image: FoundImage, tx: ImagesTransaction) => Promise<T>,
  unknown: Unknown = imageUnknown,
): Promise<T> {
  const found = IMAGE_ID.test(id)
    ? await records.locked(id, caller.projectId, async (image, tx) => {
        if (!settings().policy.maySee(caller, image)) throw unknown(id);
        return { result: await work(image, tx) };
      })
    : undefined;
  if (!found) throw unknown(id);
  return found.result;
}

/** An image as JSON, for this caller. */
export function showImage(
  { settings }: Workshop,
  image: FoundImage,
  caller: Caller,
): Record<string, unknown> {
  const { protections, stores, showDirectUrl } = settings();
  return representImage(image, caller, { protections, hasStores: stores.isMultiStore, showDirectUrl });
}
