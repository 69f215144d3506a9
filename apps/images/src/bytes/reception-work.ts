import { Inspection } from '../domain/disk-formats/inspection.ts';
import type { FoundImage } from '../store/image-rows.ts';
import type { ImagesSettings } from '../settings/images-settings.ts';
import type { Reception, Receptions } from '../store/receptions.ts';
import { storageUsed } from '../store/usage.ts';
import type { Database } from '@hallmark/postgres';
import { notFound } from '@hallmark/errors';
import type { Tables } from '../store/tables.ts';
import type { BytesEvents } from './bytes-events.ts';
import type { DigestThreads } from './digest-threads.ts';
import { Meter } from './meter.ts';

export interface MeterWishes {
  /** Bytes that must come; null when nobody said. */
  readonly expected: number | null;
  /** Whether the data must be what the image is declared to be. */
  readonly inspects: boolean;
  /** Those that digest it; undefined: its digests are not asked for. */
  readonly digestedBy: DigestThreads | undefined;
  readonly onBytes?: (count: number) => void;
}

/** A meter with the limits that hold for one image. */
export async function meterFor(
  { quotas, hashAlgorithm, inspection }: Pick<ImagesSettings, 'quotas' | 'hashAlgorithm' | 'inspection'>,
  db: Database<Tables>,
  image: Pick<FoundImage, 'owner' | 'diskFormat' | 'containerFormat'>,
  { expected, inspects, digestedBy, onBytes }: MeterWishes,
): Promise<Meter> {
  const room =
    quotas.projectStorage === 0
      ? undefined
      : { used: await storageUsed(db.kysely, image.owner), maximum: quotas.projectStorage };
  return new Meter({
    sizeCap: quotas.imageSize,
    room,
    expected: expected ?? undefined,
    inspection: inspects ? new Inspection(image, inspection) : undefined,
    digests: digestedBy && { algorithm: hashAlgorithm, digesting: digestedBy.begin(hashAlgorithm) },
    onBytes,
  });
}

/**
 * Receives the data of an image. However it fails, the image is queued again; when this process dies,
 * whoever cleans up does that.
 */
export async function receive(
  { receptions, leaseSeconds, events }: { receptions: Receptions; leaseSeconds: number; events: BytesEvents },
  { imageId, to }: { imageId: string; to: 'saving' | 'uploading' },
  signal: AbortSignal,
  work: (reception: Reception, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const reception = await receptions.begin(imageId, to, leaseSeconds);
  const vanished = new AbortController();
  const renew = async (): Promise<void> => {
    const isOurs = await receptions.renew(reception, leaseSeconds).catch(() => true);
    if (!isOurs)
      vanished.abort(notFound('IMAGE_VANISHED', `Image ${imageId} could not be found after upload.`));
  };
  const renewing = setInterval(() => void renew(), (leaseSeconds * 1_000) / 3);
  try {
    await work(reception, AbortSignal.any([signal, vanished.signal]));
  } catch (thrown) {
    events.refused(imageId, to, thrown);
    await receptions.abandon(reception, to).catch((error: unknown) => events.leftBehind(imageId, error));
    throw thrown;
  } finally {
    clearInterval(renewing);
  }
}
