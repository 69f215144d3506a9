import { overQuota, type HallmarkError } from '@hallmark/errors';
import { isInternal } from './image.ts';

/** The limits on one image, and on a project. A negative number is no limit. */
export interface Quotas {
  readonly properties: number;
  readonly tags: number;
  readonly members: number;
  readonly locations: number;
  /** Bytes. */
  readonly imageSize: number;
  /** Bytes of a project, each copy counted; 0 is no limit. */
  readonly projectStorage: number;
}

export const isOver = (attempted: number, maximum: number): boolean => maximum >= 0 && attempted > maximum;

/** How many names count: all but those that only the service sets. */
export const countProperties = (names: Iterable<string>): number =>
  [...names].filter((name) => !isInternal(name)).length;

const limitText = (what: string, attempted: number, maximum: number): string =>
  `The limit has been exceeded on the number of allowed image ${what}. Attempted: ${attempted}, Maximum: ${maximum}`;

/** A change that adds no name may be made to an image that is above a lowered quota. */
export function requirePropertyQuota(
  before: Iterable<string>,
  after: Iterable<string>,
  maximum: number,
): void {
  const known = new Set(before);
  const names = [...after];
  const attempted = countProperties(names);
  if (names.some((name) => !isInternal(name) && !known.has(name)) && isOver(attempted, maximum)) {
    throw overQuota('PROPERTY_QUOTA', limitText('properties', attempted, maximum));
  }
}

/** Injection fills what the user's own properties leave. */
export function requireInjectionQuota(
  userNames: Iterable<string>,
  injectedNames: Iterable<string>,
  maximum: number,
): void {
  const injected = new Set(injectedNames);
  const own = countProperties([...userNames].filter((name) => !injected.has(name)));
  if (!isOver(own + injected.size, maximum)) return;
  throw overQuota(
    'PROPERTY_QUOTA',
    `Image property quota exceeded: ${own} user properties plus ${injected.size} injected exceed the maximum of ${maximum}.`,
  );
}

export function requireTagQuota(attempted: number, maximum: number): void {
  if (isOver(attempted, maximum)) throw overQuota('TAG_QUOTA', limitText('tags', attempted, maximum));
}

/** The same, in the words that adding a single tag has. */
export function singleTagOverQuota(imageId: string, attempted: number, maximum: number): HallmarkError {
  return overQuota(
    'TAG_QUOTA',
    `Image tag limit exceeded for image ${imageId}: ${limitText('tags', attempted, maximum)}:`,
  );
}

export function memberOverQuota(imageId: string, attempted: number, maximum: number): HallmarkError {
  return overQuota(
    'MEMBER_QUOTA',
    `Image member limit exceeded for image ${imageId}: ${limitText('members for this image', attempted, maximum)}:`,
  );
}

export function requireLocationQuota(attempted: number, maximum: number): void {
  if (isOver(attempted, maximum))
    throw overQuota('LOCATION_QUOTA', limitText('locations', attempted, maximum));
}

export function requireSizeCap(bytes: number, cap: number): void {
  if (bytes > cap) {
    throw overQuota('SIZE_CAP', 'The incoming image is too large: The provided image is too large.');
  }
}

export function requireStorageQuota(bytes: number, used: number, maximum: number): void {
  if (maximum === 0 || used + bytes <= maximum) return;
  const remaining = Math.max(0, maximum - used);
  throw overQuota(
    'STORAGE_QUOTA',
    `Image exceeds the storage quota: The size of the data ${bytes} will exceed the limit. ${remaining} bytes remaining.`,
  );
}
