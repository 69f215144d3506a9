import type { Caller } from './domain/caller.ts';
import type { Location } from './domain/image.ts';

/**
 * What a ticket for the data listener stands for: the path's first segment and what was decided when
 * it was given. JSON, because it waits in the database.
 */
export const UPLOADS = 'uploads';
export const STAGES = 'stages';
export const DOWNLOADS = 'downloads';

/** `PUT /uploads/TICKET` */
export type UploadTicket = {
  readonly imageId: string;
  /** Whose rights the upload has, and who decides about injection where it reaches this door. */
  readonly caller: TicketCaller;
  readonly requestId: string;
  readonly storeId: string;
  /** Bytes that must come. Null: unknown. */
  readonly declaredSize: number | null;
};

/** `PUT /stages/TICKET` */
export type StageTicket = {
  readonly imageId: string;
  readonly caller: TicketCaller;
  readonly requestId: string;
  readonly declaredSize: number | null;
};

/** `GET /downloads/TICKET` */
export type DownloadTicket = {
  readonly imageId: string;
  /** The copies, the preferred first. */
  readonly copies: { readonly storeId: Location['storeId']; readonly url: Location['url'] }[];
  readonly offset: number;
  readonly length: number;
};

export type TicketCaller = {
  readonly userId: string;
  readonly projectId: string;
  readonly roles: string[];
  readonly serviceRoles: string[];
  readonly systemScope: boolean;
};

export const ticketCaller = (caller: Caller): TicketCaller => ({
  ...caller,
  roles: [...caller.roles],
  serviceRoles: [...caller.serviceRoles],
});
