import type { LeaseWorkerEvents } from '@hallmark/postgres';
import { Counter, Gauge, Histogram, type AppContext, type Logger } from '@hallmark/runtime';
import type { ImageStatus } from '../domain/image.ts';
import type { ClaimedTask } from '../store/task-work.ts';
import type { ImportFault } from './verdict.ts';

/** The metrics of the imports and the lines that an operator would act on. */
export class ImportEvents implements LeaseWorkerEvents<ClaimedTask> {
  readonly #log: Logger;
  readonly #imports: Counter<'outcome'>;
  readonly #seconds: Histogram;
  readonly #bytes: Counter;
  readonly #active: Gauge;

  constructor({ log, registry }: AppContext) {
    this.#log = log;
    const registers = [registry];
    this.#imports = new Counter({
      name: 'hallmark_images_imports_total',
      help: 'Imports that ended here: imported, failed by reason, discarded, or handed_back at the end of the process.',
      labelNames: ['outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'hallmark_images_import_seconds',
      help: 'Time from taking an import up to its success.',
      buckets: [0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000],
      registers,
    });
    this.#bytes = new Counter({
      name: 'hallmark_images_imported_bytes_total',
      help: 'Bytes that imports copied into stores.',
      registers,
    });
    this.#active = new Gauge({
      name: 'hallmark_images_imports_active',
      help: 'Imports under way.',
      registers,
    });
  }

  active(count: number): void {
    this.#active.set(count);
  }

  takenUp({ id, imageId, attempt }: ClaimedTask): void {
    if (attempt > 1)
      this.#log.warn({ taskId: id, imageId, attempt }, 'the process that imported an image ended; taken up');
  }

  imported({ id, imageId, injection }: ClaimedTask, bytes: number, elapsedMs: number): void {
    this.#imports.inc({ outcome: 'imported' });
    this.#seconds.observe(elapsedMs / 1_000);
    this.#bytes.inc(bytes);
    this.#log.info(
      { taskId: id, imageId, bytes, injection, elapsedMs: Math.round(elapsedMs) },
      'image imported',
    );
  }

  failed(
    { id, imageId }: ClaimedTask,
    { reason, message }: ImportFault,
    status: ImageStatus | undefined,
    thrown: unknown,
  ): void {
    this.#imports.inc({ outcome: reason.toLowerCase() });
    this.#log[reason === 'INTERNAL_ERROR' ? 'error' : 'warn'](
      { taskId: id, imageId, reason, detail: message, status, err: thrown },
      'image could not be imported',
    );
  }

  storeFailed({ id, imageId }: ClaimedTask, storeId: string, thrown: unknown): void {
    this.#log.warn(
      { taskId: id, imageId, storeId, err: thrown },
      'an import goes on without one of its stores',
    );
  }

  copyFailed(imageId: string, storeId: string, thrown: unknown): void {
    this.#log.warn({ imageId, storeId, err: thrown }, 'a copy of an image cannot be read');
  }

  /** Another replica has taken it over, or it has ended. */
  discarded({ id, imageId }: ClaimedTask): void {
    this.#imports.inc({ outcome: 'discarded' });
    this.#log.info({ taskId: id, imageId }, 'import is no longer wanted from here');
  }

  handedBack({ id, imageId }: ClaimedTask): void {
    this.#imports.inc({ outcome: 'handed_back' });
    this.#log.info({ taskId: id, imageId }, 'import handed back at the end of the process');
  }

  waitsForDatabase({ id, imageId }: ClaimedTask, thrown: unknown): void {
    this.#log.debug({ taskId: id, imageId, err: thrown }, 'import waits for PostgreSQL');
  }

  broke({ id, imageId }: ClaimedTask, thrown: unknown): void {
    this.#log.error({ taskId: id, imageId, err: thrown }, 'import broke');
  }

  cannotClaim(thrown: unknown): void {
    this.#log.debug({ err: thrown }, 'imports cannot be looked for');
  }
}
