import type { LeasedJobs } from '@hallmark/postgres';
import { cancelled, imageVanished, TaskLost } from '../store/import-writes.ts';
import type { ClaimedTask, TaskWork } from '../store/task-work.ts';

/** Tasks as a worker takes them up. */
export class TaskJobs implements LeasedJobs<ClaimedTask> {
  readonly #work: TaskWork;

  constructor(work: TaskWork) {
    this.#work = work;
  }

  async claim(leaseSeconds: number): Promise<ClaimedTask | undefined> {
    return await this.#work.claim(leaseSeconds);
  }

  async renew(task: ClaimedTask, leaseSeconds: number): Promise<Error | undefined> {
    switch (await this.#work.renew(task, leaseSeconds)) {
      case 'ours':
        return undefined;
      case 'cancelled':
        return cancelled();
      case 'vanished':
        return imageVanished(task.imageId);
      case 'lost':
        return new TaskLost();
    }
  }

  async release(task: ClaimedTask): Promise<void> {
    await this.#work.release(task);
  }
}
