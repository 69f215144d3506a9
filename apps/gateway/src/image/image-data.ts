import { HallmarkError, unavailable } from '@hallmark/errors';
import type { DataAnswer, DataClient, DataTicket } from '@hallmark/rpc';
import { queryOf } from './image-paths.ts';
import { sendDone, sendNoData } from './image-reply.ts';
import { headerOf, inPieces, lengthOf, once, toRepeat, type ImagesClient, type Visit } from './visit.ts';

/** Where image data goes to and comes from. */
export type ImageDataClient = Pick<DataClient, 'get' | 'put'>;

export interface ImageDataServices {
  readonly images: ImagesClient;
  readonly data: ImageDataClient;
}

/** The bodies of images: what a ticket lets through is passed on as it comes. */
export class ImageData {
  readonly #images: ImagesClient;
  readonly #data: ImageDataClient;

  constructor({ images, data }: ImageDataServices) {
    this.#images = images;
    this.#data = data;
  }

  async upload(visit: Visit): Promise<void> {
    const { exchange, caller, params } = visit;
    const { ticket } = await this.#images.prepareUpload(
      {
        caller,
        id: params['id'] ?? '',
        contentType: headerOf(visit, 'content-type'),
        storeId: headerOf(visit, 'x-image-meta-store'),
        declaredSize: headerOf(visit, 'x-openstack-image-size'),
        contentLength: lengthOf(visit),
      },
      once(visit),
    );
    await this.#send(visit, { kind: 'uploads', ticket });
    sendDone(exchange);
  }

  async stage(visit: Visit): Promise<void> {
    const { exchange, caller, params } = visit;
    const { ticket } = await this.#images.prepareStage(
      {
        caller,
        id: params['id'] ?? '',
        contentType: headerOf(visit, 'content-type'),
        contentLength: lengthOf(visit),
      },
      once(visit),
    );
    await this.#send(visit, { kind: 'stages', ticket });
    sendDone(exchange);
  }

  async download(visit: Visit): Promise<void> {
    const { exchange, caller, params } = visit;
    const found = await this.#images.prepareDownload(
      {
        caller,
        id: params['id'] ?? '',
        range: headerOf(visit, 'range') || headerOf(visit, 'content-range'),
        prefer: new URLSearchParams(queryOf(exchange.request.url ?? '')).get('prefer') ?? '',
      },
      toRepeat(visit),
    );
    const { ticket, length, contentRange, checksum } = found;
    if (ticket === '') {
      sendNoData(exchange);
      return;
    }
    const { body } = await taken(
      this.#data.get(
        { kind: 'downloads', ticket },
        { requestId: exchange.id, signal: exchange.hangUpSignal },
      ),
    );
    const headers = ['Content-Type', 'application/octet-stream', 'Content-Length', String(length)];
    if (checksum !== '') headers.push('Content-MD5', checksum);
    if (contentRange !== '') headers.push('Content-Range', contentRange);
    await exchange.stream(headers, length, body, contentRange === '' ? 200 : 206);
  }

  /** Passes the body on, at the pace at which it is taken, and returns when all of it is safe. */
  async #send(visit: Visit, ticket: DataTicket): Promise<void> {
    const { exchange } = visit;
    const length = lengthOf(visit);
    exchange.welcomeBody();
    const { body } = await taken(
      this.#data.put(ticket, inPieces(exchange), {
        requestId: exchange.id,
        signal: exchange.hangUpSignal,
        headers: {
          'content-type': 'application/octet-stream',
          ...(length === undefined ? {} : { 'content-length': String(length) }),
        },
      }),
    );
    body.resume();
  }
}

/** Faults between us and the data listener, of which the client knows nothing. */
const OURS: ReadonlySet<string> = new Set(['TICKET_UNKNOWN', 'ROUTE_UNKNOWN']);

/** @throws what images says of the transfer. A ticket that is not taken is no fault of the client's. */
async function taken(answer: Promise<DataAnswer>): Promise<DataAnswer> {
  try {
    return await answer;
  } catch (thrown) {
    if (!(thrown instanceof HallmarkError) || !OURS.has(thrown.reason)) throw thrown;
    throw unavailable(thrown.reason, thrown.message, { cause: thrown });
  }
}
