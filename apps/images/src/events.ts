import { Counter, type AppContext, type Logger } from '@hallmark/runtime';
import type { Caller } from './domain/caller.ts';

/** The metrics of image records, and the lines that an operator would look for. */
export class ImagesEvents {
  readonly #log: Logger;
  readonly #changes: Counter<'change'>;
  readonly #ignored: Counter;

  constructor({ log, registry }: AppContext) {
    this.#log = log;
    const registers = [registry];
    this.#changes = new Counter({
      name: 'hallmark_images_changes_total',
      help: 'Images created and deleted.',
      labelNames: ['change'],
      registers,
    });
    this.#ignored = new Counter({
      name: 'hallmark_images_ignored_properties_total',
      help: 'Properties kept for injection that were dropped from what users wanted to create.',
      registers,
    });
  }

  /** What works but is hardly meant. */
  doubted(warnings: readonly string[]): void {
    for (const warning of warnings) this.#log.warn({ detail: warning }, 'configuration is doubtful');
  }

  created(imageId: string, caller: Caller, ignored: readonly string[]): void {
    this.#changes.inc({ change: 'created' });
    if (ignored.length === 0) return;
    this.#ignored.inc(ignored.length);
    const { projectId, userId } = caller;
    this.#log.info(
      { imageId, projectId, userId, ignored },
      'properties kept for injection were dropped from a new image',
    );
  }

  deleted(imageId: string, { projectId, userId }: Caller): void {
    this.#changes.inc({ change: 'deleted' });
    this.#log.info({ imageId, projectId, userId }, 'image deleted');
  }
}
