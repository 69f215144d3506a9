import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EmbeddedPostgres } from '@hallmark/postgres';
import { APPS, needPostgres, startApp, type AppName } from './apps.ts';
import { addresses, choosePorts, type Ports } from './ports.ts';
import { describeEnding, type Program } from './program.ts';

/** Where Keystone is, and the account of project `service` that Hallmark is. */
export interface ServiceAccount {
  url: string;
  username: string;
  password: string;
}

export interface ConstellationOptions {
  /** First part of the directory's name. */
  name: string;
  keystone: ServiceAccount;
  /** Configuration beside Keystone and the addresses, which are chosen here: targets, log level. INI text. */
  config: string;
  /** Where Nova's door is to be; it is elsewhere when the port is taken. */
  preferredPort?: number;
  /** Whether the instances service is one of them, and guests are answered. */
  instances?: boolean;
  /** Whether the images service is one of them, and the Image API is answered. */
  images?: boolean;
  /** A PostgreSQL to use; without it one is started for those that need it. */
  postgresUrl?: string;
  /** Gives up the start. */
  signal?: AbortSignal;
}

/** Processes start within seconds, on a busy machine too; one that needs this long has another problem. */
const START_LIMIT_MS = 60_000;
const POLL_MS = 25;
/** Nobody waits for an answer by then, so what takes longer hangs. */
const STOP_GRACE_MS = 10_000;
const LOG_TAIL_LINES = 20;
/** A variable like `OS_API__VENDORDATA_DYNAMIC_TARGETS` would win over the file that is written here. */
const CONFIG_VARIABLE = /^OS_\w+__/;

/** A process did not come up; the message holds what it wrote last. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

/**
 * All processes of Hallmark on this machine, on loopback and ports of their own, from a
 * configuration file in a temporary directory that takes their logs too. Disposing it ends the
 * processes and removes the directory.
 */
export class Constellation implements AsyncDisposable {
  /** Readable by nobody else: the configuration holds passwords. */
  readonly directory: string;
  readonly configFile: string;
  /** Nova's door, without a path. */
  readonly url: string;
  /** Where Neutron's metadata proxy would connect, without a path. Nobody listens there without instances. */
  readonly guestUrl: string;
  /** The Image API, without a path. Nobody listens there without images. */
  readonly imageUrl: string;
  /** What that proxy signs with. */
  readonly proxySecret = randomBytes(16).toString('hex');
  readonly #ports: Ports;
  readonly #apps: readonly AppName[];
  readonly #programs = new Map<AppName, Program>();
  #postgres: EmbeddedPostgres | undefined;

  private constructor(directory: string, ports: Ports, apps: readonly AppName[]) {
    this.directory = directory;
    this.configFile = join(directory, 'hallmark.conf');
    this.url = `http://127.0.0.1:${ports.nova}`;
    this.guestUrl = `http://127.0.0.1:${ports.guest}`;
    this.imageUrl = `http://127.0.0.1:${ports.image}`;
    this.#ports = ports;
    this.#apps = apps;
  }

  /** @throws StartFailure, or the reason of `signal`. Nothing is left behind then. */
  static async start(options: ConstellationOptions): Promise<Constellation> {
    const ports = await choosePorts(options.preferredPort);
    const directory = await mkdtemp(join(tmpdir(), `${options.name}-`));
    const { instances = true, images = true } = options;
    const apps = APPS.filter((app) => (app === 'instances' ? instances : app !== 'images' || images));
    const constellation = new Constellation(directory, ports, apps);
    try {
      await constellation.#writeConfig([
        options.config,
        keystone(options.keystone),
        addresses(ports, { instances, images }),
        images ? imageDirectories(directory) : '',
        await constellation.#database(options.postgresUrl),
      ]);
      await constellation.#startApps(options.signal);
      return constellation;
    } catch (error) {
      await constellation[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The running processes by name. */
  get programs(): ReadonlyMap<AppName, Program> {
    return this.#programs;
  }

  logFile(app: AppName): string {
    return join(this.directory, `${app}.log`);
  }

  /** Where an app tells its health and metrics. */
  opsUrl(app: AppName): string {
    return `http://127.0.0.1:${this.#ports.ops.get(app) ?? 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Those that ask before those that are asked, so that nobody complains about a peer that went away.
    for (const app of APPS.toReversed()) await this.#programs.get(app)?.stop(STOP_GRACE_MS);
    await this.#postgres?.[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** In a place of its own: another account may have to reach it, and nobody else reads this directory. */
  async #database(givenUrl: string | undefined): Promise<string> {
    if (!needPostgres(this.#apps)) return '';
    this.#postgres = givenUrl === undefined ? await EmbeddedPostgres.start() : undefined;
    return `# Where records and unfinished work are kept.
[postgres]
url = ${givenUrl ?? this.#postgres?.url ?? ''}

# Guests come through Neutron's metadata proxy, which signs.
[neutron]
service_metadata_proxy = true
metadata_proxy_shared_secret = ${this.proxySecret}
`;
  }

  async #writeConfig(parts: readonly string[]): Promise<void> {
    await writeFile(this.configFile, parts.join('\n'), { mode: 0o600 });
  }

  async #startApps(signal: AbortSignal | undefined): Promise<void> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !CONFIG_VARIABLE.test(key)));
    for (const app of this.#apps) {
      signal?.throwIfAborted();
      const options = { env, logFile: this.logFile(app) };
      this.#programs.set(app, await startApp(app, ['--config-file', this.configFile], options));
    }
    const limit = AbortSignal.timeout(START_LIMIT_MS);
    const giveUp = signal ? AbortSignal.any([signal, limit]) : limit;
    await Promise.all(
      [...this.#programs].map(async ([app, program]) => this.#untilReady(app, program, giveUp)),
    );
  }

  /** Resolves when the app says that it is ready. */
  async #untilReady(app: AppName, program: Program, giveUp: AbortSignal): Promise<void> {
    const done = new AbortController();
    const until = AbortSignal.any([giveUp, done.signal]);
    try {
      await Promise.race([
        program.ended.then(async (ending) => {
          throw new StartFailure(await this.#obituary(program, describeEnding(ending)));
        }),
        pollReady(`${this.opsUrl(app)}/readyz`, until),
      ]);
    } catch (error) {
      if (error instanceof StartFailure) throw error;
      if (isTimeout(giveUp.reason)) {
        throw new StartFailure(
          await this.#obituary(program, `was not ready after ${START_LIMIT_MS / 1000} s`),
        );
      }
      giveUp.throwIfAborted();
      throw error;
    } finally {
      done.abort();
    }
  }

  async #obituary(program: Program, what: string): Promise<string> {
    const tail = await program.logTail(LOG_TAIL_LINES);
    return `${program.name} did not come up: it ${what}. The end of its log:\n${tail || '(empty)'}`;
  }
}

function keystone({ url, username, password }: ServiceAccount): string {
  return `# The account whose token the targets see.
[vendordata_dynamic_auth]
auth_type = password
auth_url = ${url}/v3
username = ${username}
password = ${password}
user_domain_name = Default
project_name = service
project_domain_name = Default

# The account that validates the tokens of callers: the same.
[keystone_authtoken]
auth_section = vendordata_dynamic_auth
`;
}

/** Where images keeps its data; it makes the directories itself. */
const imageDirectories = (
  directory: string,
): string => `# Where the data of images is, and waits for its import.
[glance_store]
filesystem_store_datadir = ${join(directory, 'images')}

[os_glance_staging_store]
filesystem_store_datadir = ${join(directory, 'staging')}
`;

async function pollReady(url: string, signal: AbortSignal): Promise<void> {
  while (!(await isReady(url, signal))) await wait(POLL_MS, undefined, { signal });
}

async function isReady(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // nobody listens yet
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
