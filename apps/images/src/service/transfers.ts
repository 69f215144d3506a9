import { forbidden, invalid, notFound } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import type { Location } from '../domain/image.ts';
import { readRange, type ByteRange } from '../domain/range.ts';
import { requireLocationQuota, requireSizeCap, requireStorageQuota } from '../domain/quota.ts';
import { illegalTransition, requireFormats, requireTransition } from '../domain/status.ts';
import { storageUsed } from '../store/usage.ts';
import {
  DOWNLOADS,
  STAGES,
  ticketCaller,
  UPLOADS,
  type DownloadTicket,
  type StageTicket,
  type UploadTicket,
} from '../transfer.ts';
import { seeImage, type Workshop } from './workshop.ts';

export interface Incoming {
  readonly contentType: string;
  /** Bytes that the request announces. */
  readonly contentLength: number | undefined;
  readonly requestId: string;
}

/** Lets data come and go: all that can be known before the first byte is checked here. */
export class Transfers {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** A ticket for `PUT /uploads/TICKET`. `declaredSize` is a header's text, empty for none. */
  async prepareUpload(
    caller: Caller,
    id: string,
    incoming: Incoming & { readonly storeId: string; readonly declaredSize: string },
  ): Promise<string> {
    const { policy, stores, quotas } = this.#shop.settings();
    const image = await seeImage(this.#shop, caller, id);
    requireOctets(incoming.contentType);
    policy.requireOn('upload_image', caller, image);
    const declaredSize = sizeOf(incoming);
    const storeId = stores.isMultiStore && incoming.storeId !== '' ? incoming.storeId : stores.defaultStore;
    if (!stores.stores.some((store) => store.id === storeId))
      throw invalid('STORE_UNKNOWN', `Store for identifier ${storeId} not found`);
    requireTransition(image.status, 'saving');
    requireFormats('saving', image);
    requireLocationQuota(image.locations.length + 1, quotas.locations);
    await this.#requireRoom(image.owner, declaredSize ?? 0);
    const ticket: UploadTicket = {
      imageId: image.id,
      caller: ticketCaller(caller),
      requestId: incoming.requestId,
      storeId,
      declaredSize,
    };
    return await this.#shop.tickets.issue(UPLOADS, ticket);
  }

  /** A ticket for `PUT /stages/TICKET`. */
  async prepareStage(caller: Caller, id: string, incoming: Incoming): Promise<string> {
    const { policy, importMethods } = this.#shop.settings();
    if (!importMethods.includes('glance-direct'))
      throw notFound('METHOD_UNAVAILABLE', "'glance-direct' method is not available at this site.");
    requireOctets(incoming.contentType);
    const image = await seeImage(this.#shop, caller, id);
    policy.requireOn('modify_image', caller, image);
    if (image.status !== 'queued') throw illegalTransition(image.status, 'uploading');
    const declaredSize = incoming.contentLength ?? null;
    await this.#requireRoom(image.owner, declaredSize ?? 0);
    const ticket: StageTicket = {
      imageId: image.id,
      caller: ticketCaller(caller),
      requestId: incoming.requestId,
      declaredSize,
    };
    return await this.#shop.tickets.issue(STAGES, ticket);
  }

  /** A ticket for `GET /downloads/TICKET`; undefined when the image has no data. */
  async prepareDownload(
    caller: Caller,
    id: string,
    { range, prefer }: { readonly range: string; readonly prefer: string },
  ): Promise<{ ticket: string; range: ByteRange; checksum: string | null } | undefined> {
    const { policy } = this.#shop.settings();
    const image = await seeImage(this.#shop, caller, id);
    policy.requireOn('download_image', caller, image);
    if (image.status === 'deactivated' && !policy.isAdmin(caller))
      throw forbidden(
        'IMAGE_DEACTIVATED',
        'The requested image has been deactivated. Image data download is forbidden.',
      );
    const preferred = this.#preferred(prefer);
    if (preferred.length > 0) policy.requireOn('download_from_store', caller, image);
    if (image.locations.length === 0 || image.size === null) return undefined;
    const wanted = readRange(range, image.size);
    const ticket: DownloadTicket = {
      imageId: image.id,
      copies: inOrder(image.locations, preferred),
      offset: wanted.offset,
      length: wanted.length,
    };
    return {
      ticket: await this.#shop.tickets.issue(DOWNLOADS, ticket),
      range: wanted,
      checksum: image.checksum,
    };
  }

  #preferred(prefer: string): readonly string[] {
    const { stores } = this.#shop.settings();
    if (prefer === '' || !stores.isMultiStore) return [];
    const ids = prefer.split(',').map((id) => id.trim());
    const unknown = ids.find((id) => !stores.stores.some((store) => store.id === id));
    if (unknown !== undefined) throw invalid('STORE_UNKNOWN', `Store for identifier ${unknown} not found`);
    return ids;
  }

  async #requireRoom(owner: string | null, bytes: number): Promise<void> {
    const { quotas } = this.#shop.settings();
    requireSizeCap(bytes, quotas.imageSize);
    if (quotas.projectStorage === 0) return;
    requireStorageQuota(bytes, await storageUsed(this.#shop.db.kysely, owner), quotas.projectStorage);
  }
}

/** The one type for data; its parameters count for nothing. */
function requireOctets(contentType: string): void {
  const type = contentType.split(';', 1)[0]?.trim() ?? '';
  if (type === 'application/octet-stream') return;
  throw invalid(
    'MEDIA_TYPE_UNSUPPORTED',
    `The request media type ${type === '' ? 'text/plain' : type} is not supported by this server.`,
  );
}

/** The bytes that must come; a header of 0 says nothing. */
function sizeOf({
  declaredSize,
  contentLength,
}: Incoming & { readonly declaredSize: string }): number | null {
  if (declaredSize === '') return contentLength ?? null;
  const size = Number(declaredSize);
  if (!/^\s*\d+\s*$/.test(declaredSize) || !Number.isSafeInteger(size))
    throw invalid('SIZE_INVALID', 'Invalid or missing image size in request headers.');
  return size === 0 ? (contentLength ?? null) : size;
}

function inOrder(copies: readonly Location[], preferred: readonly string[]): Location[] {
  const rank = ({ storeId }: Location): number => {
    const index = preferred.indexOf(storeId);
    return index < 0 ? preferred.length : index;
  };
  return copies.map(({ storeId, url }) => ({ storeId, url })).sort((a, b) => rank(a) - rank(b));
}
