import type { Clock } from '@hallmark/runtime';
import type { Database, Tickets } from '@hallmark/postgres';
import type { DataReply, Transfer } from '@hallmark/rpc';
import { decideInjection } from '../domain/injection.ts';
import type { ImagesSettings } from '../settings/images-settings.ts';
import { Receptions } from '../store/receptions.ts';
import type { Tables } from '../store/tables.ts';
import type { StoreSet } from '../stores/store-set.ts';
import { STAGES, UPLOADS } from '../transfer.ts';
import type { BytesEvents } from './bytes-events.ts';
import type { DigestThreads } from './digest-threads.ts';
import type { Intake } from './intake.ts';
import { meterFor, receive } from './reception-work.ts';
import { bodyOf, redeem } from './redeem.ts';

export interface UploadsOptions {
  readonly db: Database<Tables>;
  readonly tickets: Tickets;
  readonly stores: StoreSet;
  readonly intake: Intake;
  readonly digestThreads: DigestThreads;
  readonly settings: () => ImagesSettings;
  /** For how long an upload counts without a sign of life of its process. */
  readonly leaseSeconds: number;
  readonly events: BytesEvents;
  readonly clock: Clock;
}

const NO_CONTENT: DataReply = { status: 204, headers: {}, body: [] };

/** Takes the data of images in: straight into a store, or to where it waits for its import. */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #receptions: Receptions;

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#receptions = new Receptions(options.db);
  }

  /** Answers `PUT /uploads/TICKET`. */
  async upload(transfer: Transfer): Promise<DataReply> {
    const { tickets, stores, settings, intake, digestThreads, db, clock, events } = this.#options;
    const { imageId, caller, storeId, declaredSize } = await redeem(tickets, UPLOADS, transfer.ticket);
    transfer.event['imageId'] = imageId;
    const store = stores.get(storeId);
    const terms = settings();
    await this.#receive({ imageId, to: 'saving' }, transfer.signal, async (reception, signal) => {
      const { image } = reception;
      const wishes = { expected: declaredSize, inspects: true, digestedBy: digestThreads };
      const meter = await meterFor(terms, db, image, wishes);
      const data = meter.measure(bodyOf(transfer.body));
      await intake.take(store, { imageId, data, size: declaredSize ?? undefined, signal }, async (blob) => {
        const injection = decideInjection(terms.injection, 'upload', caller, new Date(clock.now()));
        await this.#receptions.activate(reception, blob, meter.result(), {
          injection,
          quotas: terms.quotas,
        });
        events.uploaded(imageId, meter.size, injection);
      });
    });
    return NO_CONTENT;
  }

  /** Answers `PUT /stages/TICKET`. */
  async stage(transfer: Transfer): Promise<DataReply> {
    const { tickets, stores, settings, intake, db, events } = this.#options;
    const { imageId, declaredSize } = await redeem(tickets, STAGES, transfer.ticket);
    transfer.event['imageId'] = imageId;
    const terms = settings();
    await this.#receive({ imageId, to: 'uploading' }, transfer.signal, async (reception, signal) => {
      // What it is to be need not have been said yet, and its digests are told once it is imported.
      const wishes = { expected: declaredSize, inspects: false, digestedBy: undefined };
      const meter = await meterFor(terms, db, reception.image, wishes);
      const data = meter.measure(bodyOf(transfer.body));
      await intake.take(
        stores.staging,
        { imageId, data, size: declaredSize ?? undefined, signal },
        async (blob) => {
          await this.#receptions.staged(reception, blob, meter.size);
          events.staged(imageId, meter.size);
        },
      );
    });
    return NO_CONTENT;
  }

  async #receive(
    what: Parameters<typeof receive>[1],
    signal: AbortSignal,
    work: Parameters<typeof receive>[3],
  ): Promise<void> {
    const { leaseSeconds, events } = this.#options;
    await receive({ receptions: this.#receptions, leaseSeconds, events }, what, signal, work);
  }
}
