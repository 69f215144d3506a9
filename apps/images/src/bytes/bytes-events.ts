import { HallmarkError } from '@hallmark/errors';
import { Counter, type AppContext, type Logger } from '@hallmark/runtime';
import type { InjectionDecision } from '../domain/injection.ts';

/** The metrics of image data and the lines that an operator would act on. */
export class BytesEvents {
  readonly #log: Logger;
  readonly #received: Counter<'door' | 'outcome'>;
  readonly #bytes: Counter<'door'>;
  readonly #failovers: Counter<'store'>;
  readonly #removed: Counter<'outcome'>;

  constructor({ log, registry }: AppContext) {
    this.#log = log;
    const registers = [registry];
    this.#received = new Counter({
      name: 'hallmark_images_received_total',
      help: 'Data of images that was sent here, by door (upload, stage) and outcome: ok, or why not.',
      labelNames: ['door', 'outcome'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'hallmark_images_received_bytes_total',
      help: 'Bytes of images that were taken in, by door.',
      labelNames: ['door'],
      registers,
    });
    this.#failovers = new Counter({
      name: 'hallmark_images_copy_failures_total',
      help: 'Copies that could not be read, by store; another was tried if there was one.',
      labelNames: ['store'],
      registers,
    });
    this.#removed = new Counter({
      name: 'hallmark_images_removals_total',
      help: 'Data in stores that no image has any more: removed, or failed and tried again later.',
      labelNames: ['outcome'],
      registers,
    });
  }

  uploaded(imageId: string, size: number, injection: InjectionDecision | undefined): void {
    this.#received.inc({ door: 'upload', outcome: 'ok' });
    this.#bytes.inc({ door: 'upload' }, size);
    this.#log.info({ imageId, size, injection }, 'image uploaded');
  }

  staged(imageId: string, size: number): void {
    this.#received.inc({ door: 'stage', outcome: 'ok' });
    this.#bytes.inc({ door: 'stage' }, size);
    this.#log.info({ imageId, size }, 'image staged');
  }

  refused(imageId: string, to: 'saving' | 'uploading', thrown: unknown): void {
    const outcome = thrown instanceof HallmarkError ? thrown.reason.toLowerCase() : 'internal';
    this.#received.inc({ door: to === 'saving' ? 'upload' : 'stage', outcome });
    this.#log.debug({ imageId, outcome }, 'data of an image was not taken');
  }

  /** The image waits for its lease to end. */
  leftBehind(imageId: string, thrown: unknown): void {
    this.#log.warn({ imageId, err: thrown }, 'an image could not be queued again yet');
  }

  copyFailed(imageId: string, storeId: string, thrown: unknown): void {
    this.#failovers.inc({ store: storeId });
    this.#log.warn({ imageId, storeId, err: thrown }, 'a copy of an image cannot be read');
  }

  removed(): void {
    this.#removed.inc({ outcome: 'removed' });
  }

  notRemoved(storeId: string, thrown: unknown): void {
    this.#removed.inc({ outcome: 'failed' });
    this.#log.warn({ storeId, err: thrown }, 'data that no image has could not be removed yet');
  }

  requeued(count: number): void {
    if (count > 0) this.#log.warn({ count }, 'images whose sender had died are queued again');
  }

  sweepFailed(thrown: unknown): void {
    this.#log.debug({ err: thrown }, 'a sweep has failed');
  }
}
