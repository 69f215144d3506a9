import type { Caller } from './caller.ts';
import type { Image, Member } from './image.ts';
import type { Protections } from './protections.ts';

export interface RepresentationRules {
  readonly protections: Protections;
  /** Whether there are several stores, so that an image says which hold it. */
  readonly hasStores: boolean;
  readonly showDirectUrl: boolean;
}

/** An image as a caller sees it: Glance's members in Glance's order, without what may not be read. */
export function representImage(
  image: Image,
  caller: Caller,
  { protections, hasStores, showDirectUrl }: RepresentationRules,
): Record<string, unknown> {
  const properties = [...image.properties].filter(([name]) => protections.allows('read', name, caller));
  const self = `/v2/images/${image.id}`;
  const direct = showDirectUrl ? image.locations[0]?.url : undefined;
  return {
    ...Object.fromEntries(properties.map(([name, { value }]) => [name, value])),
    name: image.name,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    visibility: image.visibility,
    size: image.size,
    virtual_size: image.virtualSize,
    status: image.status,
    checksum: image.checksum,
    protected: image.protected,
    min_ram: image.minRam,
    min_disk: image.minDisk,
    owner: image.owner,
    os_hidden: image.hidden,
    os_hash_algo: image.hashAlgo,
    os_hash_value: image.hashValue,
    id: image.id,
    created_at: secondsOf(image.createdAt),
    updated_at: secondsOf(image.updatedAt),
    ...(direct !== undefined && { direct_url: direct }),
    tags: image.tags,
    self,
    file: `${self}/file`,
    schema: '/v2/schemas/image',
    ...(hasStores && image.locations.length > 0 && { stores: storeIds(image).join(',') }),
  };
}

export const storeIds = (image: Pick<Image, 'locations'>): string[] =>
  image.locations.map(({ storeId }) => storeId);

export function representMember({ memberId, imageId, status, createdAt, updatedAt }: Member): object {
  return {
    member_id: memberId,
    image_id: imageId,
    status,
    created_at: secondsOf(createdAt),
    updated_at: secondsOf(updatedAt),
    schema: '/v2/schemas/member',
  };
}

/** `YYYY-MM-DDTHH:MM:SSZ` */
export const secondsOf = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
