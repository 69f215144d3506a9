import { constants } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { errorCode } from '../error-code.ts';
import {
  primed,
  storeFull,
  storeReadOnly,
  storeUnavailable,
  type Bytes,
  type OpenBytes,
  type Span,
  type Store,
  type WriteOptions,
} from './store.ts';

export interface DirectoryOptions {
  readonly id: string;
  readonly path: string;
  /** Permissions of the files; undefined: as the umask says. */
  readonly mode: number | undefined;
}

/** What is handed to the system at a time: below it each call costs more than the copying. */
const WRITE_BYTES = 1024 * 1024;
const READ_BYTES = 256 * 1024;
/** A file that is being written. Its name is known, so that whoever cleans up finds it. */
const UNFINISHED = '.part';

/** Data in files of a directory, which may be shared between replicas. */
export class DirectoryStore implements Store {
  readonly id: string;
  readonly #root: string;
  readonly #mode: number | undefined;

  constructor({ id, path, mode }: DirectoryOptions) {
    this.id = id;
    this.#root = resolve(path);
    this.#mode = mode;
  }

  urlOf(name: string): string {
    return pathToFileURL(join(this.#root, name)).href;
  }

  async write(url: string, data: Bytes, { signal }: WriteOptions): Promise<void> {
    const path = this.#pathOf(url);
    const unfinished = path + UNFINISHED;
    const file = await this.#trying(() => this.#create(unfinished));
    try {
      await this.#fill(file, data, signal);
      await this.#trying(() => file.sync());
    } finally {
      await file.close();
    }
    await this.#trying(async () => {
      await rename(unfinished, path);
      // A name is only safe when its directory is.
      await syncDirectory(dirname(path));
    });
  }

  async read(url: string, { offset, length }: Span, signal: AbortSignal): Promise<OpenBytes> {
    const path = this.#pathOf(url);
    try {
      return await primed(readFile(path, { offset, length }, signal));
    } catch (cause) {
      signal.throwIfAborted();
      throw storeUnavailable(this.id, 'cannot give the data of this image', cause);
    }
  }

  async remove(url: string): Promise<void> {
    const path = this.#pathOf(url);
    await this.#trying(async () => {
      await rm(path, { force: true });
      await rm(path + UNFINISHED, { force: true });
    });
  }

  async #create(path: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx', this.#mode);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await mkdir(dirname(path), { recursive: true });
      return await open(path, 'wx', this.#mode);
    }
  }

  async #fill(file: FileHandle, data: Bytes, signal: AbortSignal): Promise<void> {
    let waiting: Uint8Array[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (bytes === 0) return;
      const pieces = waiting;
      [waiting, bytes] = [[], 0];
      await this.#trying(() => writeAll(file, pieces));
    };
    for await (const piece of data) {
      signal.throwIfAborted();
      if (piece.length === 0) continue;
      waiting.push(piece);
      bytes += piece.length;
      if (bytes >= WRITE_BYTES) await flush();
    }
    await flush();
  }

  /** Nothing outside the directory is ever touched, whatever a row of the database says. */
  #pathOf(url: string): string {
    const path = url.startsWith('file:') ? fileURLToPath(url) : '';
    if (dirname(path) !== this.#root) throw storeUnavailable(this.id, 'does not hold what its location says');
    return path;
  }

  async #trying<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') throw storeFull(this.id, error);
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw storeReadOnly(error);
      if (/^E[A-Z]+$/.test(code)) throw storeUnavailable(this.id, `failed with ${code}`, error);
      throw error;
    }
  }
}

async function writeAll(file: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  const wanted = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const { bytesWritten } = await file.writev([...pieces]);
  if (bytesWritten === wanted) return;
  // A full disk takes a part before it refuses the rest.
  let rest = Buffer.concat(pieces).subarray(bytesWritten);
  while (rest.length > 0) {
    const { bytesWritten: more } = await file.write(rest);
    rest = rest.subarray(more);
  }
}

async function* readFile(
  path: string,
  { offset, length }: Span,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, constants.O_RDONLY);
  try {
    for (let done = 0; done < length;) {
      signal.throwIfAborted();
      // A buffer of its own for each piece: whoever reads may still hold on to the last.
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, length - done));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset + done);
      if (bytesRead === 0) throw new Error('The file is shorter than the image.');
      done += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
