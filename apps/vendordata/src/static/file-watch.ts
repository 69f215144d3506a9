import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { fileStamp } from '../file-stamp.ts';

/** For changes that the system does not tell of: on network file systems, and behind links. */
const LOOK_INTERVAL_MS = 1_000;
/** Whoever replaces a file makes several events of it, and one who writes in place is not done at once. */
const SETTLE_MS = 50;

/** Tells when the file behind a path has changed. */
export class FileWatch implements AsyncDisposable {
  readonly #path: string;
  readonly #onChange: () => Promise<void>;
  readonly #interval: NodeJS.Timeout;
  readonly #watcher: FSWatcher | undefined;
  #settling: NodeJS.Timeout | undefined;
  #seen: string;
  #looking: Promise<void> = Promise.resolve();

  /** `seen` is the stamp taken before the file was read for the first time. */
  constructor(path: string, seen: string, onChange: () => Promise<void>) {
    this.#path = path;
    this.#seen = seen;
    this.#onChange = onChange;
    this.#interval = setInterval(() => void this.look(), LOOK_INTERVAL_MS).unref();
    this.#watcher = this.#watchDirectory();
  }

  /** Looks now. Resolves when a change that it found, or that another look is busy with, is dealt with. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#interval);
    clearTimeout(this.#settling);
    this.#watcher?.close();
    await this.#looking;
  }

  /** The directory, because a file that is replaced takes its own watch away with it. */
  #watchDirectory(): FSWatcher | undefined {
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, () => {
        clearTimeout(this.#settling);
        this.#settling = setTimeout(() => void this.look(), SETTLE_MS).unref();
      });
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      // The system has no watches left, or the directory is not there: looking will do.
      return undefined;
    }
  }

  async #look(): Promise<void> {
    const stamp = await fileStamp(this.#path);
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    await this.#onChange();
  }
}
