import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ConfigError } from '@hallmark/runtime';
import type { ConfigFault } from '@hallmark/runtime';

/** Seals what leaves the process and opens what comes back. */
export interface Sealer {
  /** `name` is where the sealed bytes will stand; they open under no other. */
  seal(name: string, plain: Buffer): Buffer;
  /** Undefined when it was sealed with a key that is not (or no longer) known, or was tampered with. */
  open(name: string, sealed: Buffer): Buffer | undefined;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
// 96 random bits: with one key, 2^32 seals keep the chance of a repeated nonce below 2^-32 (NIST SP
// 800-38D, 8.3). At 100 stores a second that is more than a year, so rotate yearly.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;

interface Key {
  /** Tells which key sealed, so that none is tried in vain. Says nothing about the key. */
  readonly id: Buffer;
  readonly secret: KeyObject;
}

/**
 * AES-256-GCM with the keys of a file: the first seals, all open. Laid out as key id, nonce, tag,
 * ciphertext.
 */
export class SealingKeys implements Sealer {
  readonly #keys: readonly [Key, ...Key[]];

  private constructor(keys: readonly [Key, ...Key[]]) {
    this.#keys = keys;
  }

  /**
   * Reads 32 bytes in base64 a line; empty lines and those that begin with # do not count. Throws a
   * ConfigError with all faults.
   */
  static parse(text: string, path: string): SealingKeys {
    const keys: Key[] = [];
    const faults: ConfigFault[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const key = keyOf(line.trim());
      // Not a word of the line itself in the message: it may be most of a key.
      if (key === undefined) faults.push(fault(`${path}:${index + 1}`, `not ${KEY_BYTES} bytes in base64`));
      else keys.push(key);
    }
    const [first, ...rest] = keys;
    if (first !== undefined && faults.length === 0) return new SealingKeys([first, ...rest]);
    const none = fault(path, `holds no key; \`openssl rand -base64 ${KEY_BYTES}\` makes one`);
    throw new ConfigError(faults.length === 0 ? [none] : faults);
  }

  seal(name: string, plain: Buffer): Buffer {
    const [key] = this.#keys;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key.secret, nonce);
    cipher.setAAD(Buffer.from(name));
    const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([key.id, nonce, cipher.getAuthTag(), ciphertext]);
  }

  open(name: string, sealed: Buffer): Buffer | undefined {
    if (sealed.length < HEAD_BYTES) return undefined;
    const id = sealed.subarray(0, KEY_ID_BYTES);
    const key = this.#keys.find((candidate) => candidate.id.equals(id));
    if (key === undefined) return undefined;
    const nonce = sealed.subarray(KEY_ID_BYTES, KEY_ID_BYTES + NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, key.secret, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(name));
    decipher.setAuthTag(sealed.subarray(KEY_ID_BYTES + NONCE_BYTES, HEAD_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
    } catch {
      return undefined; // authentication failed
    }
  }
}

function keyOf(line: string): Key | undefined {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(line)) return undefined;
  const bytes = Buffer.from(line, 'base64');
  const id = createHash('sha256').update('hallmark sealing key id\0').update(bytes).digest();
  return { id: id.subarray(0, KEY_ID_BYTES), secret: createSecretKey(bytes) };
}

const fault = (where: string, text: string): ConfigFault => ({ where, message: `${where}: ${text}` });
