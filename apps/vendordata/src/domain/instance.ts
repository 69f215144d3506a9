import { createHash } from 'node:crypto';
import { invalid } from '@hallmark/errors';

/** The instance as Nova describes it to a vendordata target. */
export interface Instance {
  /** As Nova wrote it: in hex, with or without dashes. */
  readonly projectId: string;
  /** In lower case, with dashes. */
  readonly instanceId: string;
  /** Empty when the instance boots from a volume. */
  readonly imageId: string;
  /** Base64, as the user gave it. */
  readonly userData: string | undefined;
  readonly hostname: string;
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly bootRoles: readonly string[];
  /** The description as it came: HTTP targets get these bytes. */
  readonly json: Buffer;
  /** SHA-256 of these bytes, in hex. */
  readonly digest: string;
}

const MAX_BYTES = 1024 * 1024;
const MAX_FAULTS_TOLD = 10;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const PROJECT_ID = /^[\da-f]{32}$/i;

/**
 * Reads an instance description. Keys that Nova does not know today are allowed, so that a newer
 * Nova is understood.
 *
 * @throws HallmarkError `INSTANCE_INVALID` that names every key at fault, and no value: user data
 * and metadata may hold secrets.
 */
export function parseInstance(json: Buffer): Instance {
  const reader = new Reader(parseObject(json));
  const projectId = reader.text('project-id', (id) => PROJECT_ID.test(id.replaceAll('-', '')), 'no UUID');
  const instanceId = reader.text('instance-id', isUuid, 'no UUID');
  const imageId = reader.text('image-id', (id) => id === '' || isUuid(id), 'neither a UUID nor empty');
  const userData = reader.textOrNull('user-data');
  const hostname = reader.text('hostname');
  const metadata = reader.strings('metadata');
  const bootRoles = reader.text('boot-roles');
  reader.throwIfFaulty();
  return {
    projectId,
    instanceId: instanceId.toLowerCase(),
    imageId,
    userData,
    hostname,
    metadata,
    bootRoles: bootRoles === '' ? [] : bootRoles.split(','),
    json,
    digest: createHash('sha256').update(json).digest('hex'),
  };
}

export const isUuid = (text: string): boolean => UUID.test(text);

/** One spelling for a project id, to compare it with another. */
export const canonicalProjectId = (id: string): string => id.replaceAll('-', '').toLowerCase();

export const isProjectId = (text: string): boolean => PROJECT_ID.test(canonicalProjectId(text));

function parseObject(json: Buffer): Readonly<Record<string, unknown>> {
  if (json.length > MAX_BYTES) throw fault(`has ${json.length} bytes, at most ${MAX_BYTES} are allowed`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json));
  } catch {
    // The parser's own message would quote the text.
    throw fault('is not JSON in UTF-8');
  }
  if (!isObject(value)) throw fault('is not a JSON object');
  return value;
}

const fault = (what: string): Error => invalid('INSTANCE_INVALID', `The instance description ${what}.`);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Takes keys out of the object and collects what is wrong with them. */
class Reader {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #faults: string[] = [];

  constructor(object: Readonly<Record<string, unknown>>) {
    this.#object = object;
  }

  text(key: string, isGood: (text: string) => boolean = () => true, otherwise = ''): string {
    const value = this.#get(key);
    if (value === undefined) return '';
    if (typeof value !== 'string') this.#faults.push(`${key} is no string`);
    else if (isGood(value)) return value;
    else this.#faults.push(`${key} is ${otherwise}`);
    return '';
  }

  textOrNull(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    this.#faults.push(`${key} is neither a string nor null`);
    return undefined;
  }

  /** An object of strings. `JSON.parse` makes `__proto__` and its like members as any other. */
  strings(key: string): [string, string][] {
    const value = this.#get(key);
    if (value === undefined) return [];
    if (!isObject(value)) {
      this.#faults.push(`${key} is no object`);
      return [];
    }
    const pairs: [string, string][] = [];
    for (const [name, member] of Object.entries(value)) {
      if (typeof member === 'string') pairs.push([name, member]);
      else this.#faults.push(`${key}[${JSON.stringify(name)}] is no string`);
    }
    return pairs;
  }

  throwIfFaulty(): void {
    if (this.#faults.length === 0) return;
    const more = this.#faults.length - MAX_FAULTS_TOLD;
    const told = this.#faults.slice(0, MAX_FAULTS_TOLD).join('; ');
    throw fault(`is faulty: ${told}${more > 0 ? `; and ${more} more` : ''}`);
  }

  /** Own members only: an object has a `constructor` without anybody writing one. */
  #get(key: string): unknown {
    if (Object.hasOwn(this.#object, key)) return this.#object[key];
    this.#faults.push(`${key} is missing`);
    return undefined;
  }
}
