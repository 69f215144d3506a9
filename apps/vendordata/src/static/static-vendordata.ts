import { readFile } from 'node:fs/promises';
import { HallmarkError } from '@hallmark/errors';
import { ConfigError, type AppContext, type Config, type WorkerBus } from '@hallmark/runtime';
import type { Answers } from '../domain/answer.ts';
import { readJsonText } from '../domain/json-text.ts';
import { STATIC } from '../domain/vendor-data-document.ts';
import { errorCode } from '../error-code.ts';
import { fileStamp } from '../file-stamp.ts';
import { FileWatch } from './file-watch.ts';
import { StaticEvents } from './static-events.ts';

const TOPIC = 'vendordata-static';
/** What a target may answer by default. */
const MAX_BYTES = 1_048_576;
const NOTHING = Buffer.from('{}');

type Content = { readonly json: Buffer } | { readonly fault: string };

/**
 * The file of `StaticJSON`. One that cannot be used when its name is new stops the start, or the
 * reload; one that breaks later changes nothing until it is good again.
 */
export class StaticVendordata implements AsyncDisposable {
  readonly #events: StaticEvents;
  readonly #answers: Pick<Answers, 'purge'>;
  readonly #bus: WorkerBus;
  readonly #leaveBus: () => void;
  #json: Buffer = NOTHING;
  #path: string | undefined;
  #watch: FileWatch | undefined;

  private constructor(context: AppContext, answers: Pick<Answers, 'purge'>) {
    this.#events = new StaticEvents(context);
    this.#answers = answers;
    this.#bus = context.bus;
    // Another worker may have heard of a change first.
    this.#leaveBus = context.bus.subscribe(TOPIC, () => void this.#watch?.look());
  }

  /** @throws ConfigError when the file cannot be used. */
  static async open(
    config: Config,
    context: AppContext,
    answers: Pick<Answers, 'purge'>,
  ): Promise<StaticVendordata> {
    const file = new StaticVendordata(context, answers);
    await file.#follow(config);
    return file;
  }

  /** The JSON text, as it is written in the file; `{}` without one. */
  get json(): Buffer {
    return this.#json;
  }

  /** @throws ConfigError when the configuration names another file, and that cannot be used. */
  async reload(config: Config): Promise<void> {
    if (pathIn(config) === this.#path) {
      await this.#watch?.look();
      return;
    }
    const before = this.#json;
    await this.#follow(config);
    this.#events.replaced();
    if (!before.equals(this.#json)) await this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaveBus();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  async #follow(config: Config): Promise<void> {
    const path = pathIn(config);
    // Before the file is read: a change in between is then found by the first look.
    const stamp = path === undefined ? '' : await fileStamp(path);
    const content: Content = path === undefined ? { json: NOTHING } : await contentOf(path);
    if ('fault' in content) {
      throw new ConfigError([
        config.fault('api', 'vendordata_jsonfile_path', `${String(path)} ${content.fault}`),
      ]);
    }
    await this.#watch?.[Symbol.asyncDispose]();
    this.#json = content.json;
    this.#path = path;
    this.#watch = path === undefined ? undefined : new FileWatch(path, stamp, () => this.#readAgain(path));
  }

  async #readAgain(path: string): Promise<void> {
    const content = await contentOf(path);
    if ('fault' in content) {
      this.#events.refused(path, content.fault);
      return;
    }
    const isSame = content.json.equals(this.#json);
    this.#json = content.json;
    this.#events.taken(path);
    if (!isSame) await this.#tell();
  }

  /**
   * As the purge of a target named `static`: it reaches every gateway that keeps a whole document, and
   * through Redis gives all replicas the same version, whichever of them sees the file change last.
   */
  async #tell(): Promise<void> {
    this.#bus.publish(TOPIC, null);
    try {
      await this.#answers.purge({ target: STATIC });
    } catch (error) {
      // Here it is done; the cache makes up for the rest when Redis is back, and has said so.
      if (!(error instanceof HallmarkError && error.reason === 'PURGE_INCOMPLETE'))
        this.#events.notTold(error);
    }
  }
}

/** Nova reads the file only where the provider is in use. */
function pathIn({ api }: Config): string | undefined {
  const path = api.vendordata_jsonfile_path;
  return path === undefined || path === '' || !api.vendordata_providers.includes('StaticJSON')
    ? undefined
    : path;
}

async function contentOf(path: string): Promise<Content> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    return { fault: `cannot be read (${errorCode(cause)})` };
  }
  if (bytes.length > MAX_BYTES) return { fault: `has more than ${MAX_BYTES} bytes` };
  // To a target's answer emptiness means nothing to say; a file that is empty is not written yet.
  if (bytes.length === 0) return { fault: 'is empty' };
  const text = readJsonText(bytes, undefined);
  // The line end of the last line, which has no place inside another document.
  return 'fault' in text ? text : { json: Buffer.from(text.json.toString().trim()) };
}
