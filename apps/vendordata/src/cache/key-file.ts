import { readFile } from 'node:fs/promises';
import { ConfigError } from '@hallmark/runtime';
import { errorCode } from '../error-code.ts';
import { fileStamp } from '../file-stamp.ts';
import type { CacheEvents } from './cache-events.ts';
import { SealingKeys } from './sealing.ts';
import type { Sealer } from './sealing.ts';

const LOOK_INTERVAL_MS = 2_000;

/**
 * The sealing keys of `[vendordata_cache] key_file`, read again when the file changes, so that a
 * rotation needs no restart: put the new key below the old one everywhere, then above it, then remove
 * the old one when what it sealed has expired.
 */
export class KeyFile implements Sealer, AsyncDisposable {
  readonly #path: string;
  readonly #events: CacheEvents;
  readonly #timer: NodeJS.Timeout;
  #keys: SealingKeys;
  #seen: string;
  #looking = Promise.resolve();

  private constructor(path: string, events: CacheEvents, keys: SealingKeys, seen: string) {
    this.#path = path;
    this.#events = events;
    this.#keys = keys;
    this.#seen = seen;
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, LOOK_INTERVAL_MS).unref();
  }

  /** Throws a ConfigError when the file cannot be used: without it nothing may be written to Redis. */
  static async open(path: string, events: CacheEvents): Promise<KeyFile> {
    const seen = await fileStamp(path);
    return new KeyFile(path, events, await readKeys(path), seen);
  }

  seal(name: string, plain: Buffer): Buffer {
    return this.#keys.seal(name, plain);
  }

  open(name: string, sealed: Buffer): Buffer | undefined {
    return this.#keys.open(name, sealed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const seen = await fileStamp(this.#path);
    if (seen === this.#seen) return;
    this.#seen = seen; // whatever comes of it, so that a bad file is told of once
    try {
      this.#keys = await readKeys(this.#path);
      this.#events.keysRead(this.#path);
    } catch (refused) {
      this.#events.keysRefused(refused);
    }
  }
}

async function readKeys(path: string): Promise<SealingKeys> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ConfigError([{ where: path, message: `${path}: cannot be read (${errorCode(cause)})` }]);
  }
  return SealingKeys.parse(text, path);
}
