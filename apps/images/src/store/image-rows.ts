import { sql, type QueryExecutorProvider, type RawBuilder, type Selectable } from 'kysely';
import type { Image, Property } from '../domain/image.ts';
import type { ImagesTable } from './tables.ts';

/** An image with what the viewer has to do with it. */
export interface FoundImage extends Image {
  /** The viewer's project, when the image is shared with it. */
  readonly memberId: string | undefined;
  /** Where staged data waits. */
  readonly stagedKey: string | null;
}

type ImageRow = Selectable<ImagesTable> & {
  properties: readonly (readonly [name: string, value: string, injected: boolean])[];
  tag_list: readonly string[];
  location_list: readonly (readonly [storeId: string, url: string])[];
  is_member: boolean;
};

/**
 * Reads images whole, each in the one snapshot of one statement. `rest` is what follows FROM images i,
 * with WHERE, ORDER BY and locks.
 */
export async function selectImages(
  db: QueryExecutorProvider,
  viewerProject: string,
  rest: RawBuilder<unknown>,
): Promise<FoundImage[]> {
  const { rows } = await sql<ImageRow>`
    SELECT i.*,
      (SELECT coalesce(json_agg(json_build_array(p.name, p.value, p.injected) ORDER BY p.seq), '[]')
        FROM properties p WHERE p.image_id = i.id) AS properties,
      ARRAY(SELECT t.tag FROM tags t WHERE t.image_id = i.id ORDER BY t.seq) AS tag_list,
      (SELECT coalesce(json_agg(json_build_array(l.store_id, l.url) ORDER BY l.seq), '[]')
        FROM locations l WHERE l.image_id = i.id) AS location_list,
      EXISTS (SELECT FROM members m WHERE m.image_id = i.id AND m.member_id = ${viewerProject}) AS is_member
    FROM images i ${rest}
  `.execute(db);
  return rows.map((row) => imageFromRow(row, viewerProject));
}

function imageFromRow(row: ImageRow, viewerProject: string): FoundImage {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    visibility: row.visibility,
    protected: row.protected,
    hidden: row.hidden,
    owner: row.owner,
    containerFormat: row.container_format,
    diskFormat: row.disk_format,
    minDisk: row.min_disk,
    minRam: row.min_ram,
    tags: row.tag_list,
    size: numberOrNull(row.size),
    virtualSize: numberOrNull(row.virtual_size),
    checksum: row.checksum,
    hashAlgo: row.hash_algo,
    hashValue: row.hash_value,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    properties: new Map(
      row.properties.map(([name, value, injected]): [string, Property] => [name, { value, injected }]),
    ),
    locations: row.location_list.map(([storeId, url]) => ({ storeId, url })),
    memberId: row.is_member ? viewerProject : undefined,
    stagedKey: row.staged_key,
  };
}

export const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));
