import type { ClaimedTask, TaskWork } from '../store/task-work.ts';

const WRITE_EVERY_MS = 2_000;
const MIB = 1024 * 1024;

/** How far an import is, written down now and then. */
export class Progress {
  readonly #task: ClaimedTask;
  readonly #work: TaskWork;
  #writtenAt = performance.now();
  #done = 0;
  /** Bytes to do, of all stores, as soon as that is known. */
  total: number | undefined;

  constructor(task: ClaimedTask, work: TaskWork) {
    this.#task = task;
    this.#work = work;
  }

  get done(): number {
    return this.#done;
  }

  /** As Glance words it. */
  get message(): string {
    return `Copied ${Math.floor(this.#done / MIB)} MiB`;
  }

  add(count: number): void {
    this.#done += count;
    if (performance.now() - this.#writtenAt < WRITE_EVERY_MS) return;
    this.#writtenAt = performance.now();
    void this.write();
  }

  /** Only tells; the import does not depend on it. */
  async write(): Promise<void> {
    await this.#work
      .progress(this.#task, { done: this.#done, total: this.total, message: this.message })
      .catch(() => undefined);
  }
}
