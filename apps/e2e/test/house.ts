import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp, type AppName, type Program } from '@hallmark/serve';
import { freePort, waitFor } from '@hallmark/testing';
import { Agent, request } from 'undici';

/** How many processes of each app, and what they are told. */
export interface HouseOptions {
  /** INI text that all processes read: targets, Keystone, cache. Addresses are added here. */
  config: string;
  /** INI text of one process more, such as its certificate; `index` counts from 0. */
  configOf?: (app: AppName, index: number) => string;
  replicas?: Partial<Record<AppName, number>>;
  /** Address of Nova's door. Default: loopback; a container needs `0.0.0.0`. */
  novaHost?: string;
  /** Do not wait until the processes are ready, as when what they need is down. */
  unready?: boolean;
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

export interface PostOptions {
  token: string;
  /** Default: `/vendordata`. */
  path?: string;
  gateway?: number;
  headers?: Readonly<Record<string, string>>;
}

/** One process of the house. */
export interface Resident {
  readonly app: AppName;
  readonly program: Program;
  /** Where others reach it: gRPC, or Nova's door of a gateway. */
  readonly port: number;
  readonly opsPort: number;
  readonly configFile: string;
  readonly logFile: string;
}

const START_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 20_000;

/**
 * Every process of Hallmark, each a real one with a configuration file of its own, in as many replicas
 * as a test needs. Disposing it ends them and removes their files.
 */
export class House implements AsyncDisposable {
  readonly directory: string;
  readonly #options: HouseOptions;
  readonly #residents: Resident[] = [];
  readonly #http = new Agent({ connections: 256, pipelining: 1 });

  private constructor(directory: string, options: HouseOptions) {
    this.directory = directory;
    this.#options = options;
  }

  static async start(options: HouseOptions): Promise<House> {
    const house = new House(await mkdtemp(join(tmpdir(), 'hallmark-e2e-')), options);
    try {
      await house.#startAll();
      return house;
    } catch (error) {
      const logs = await house.logs();
      await house[Symbol.asyncDispose]();
      throw new Error(`The house did not come up. Its logs:\n${logs}`, { cause: error });
    }
  }

  /** All processes of an app, in order. */
  all(app: AppName): readonly Resident[] {
    return this.#residents.filter((resident) => resident.app === app);
  }

  one(app: AppName, index = 0): Resident {
    const resident = this.all(app)[index];
    if (!resident) throw new Error(`There is no ${app} number ${index}.`);
    return resident;
  }

  /** Nova's POST. */
  async post(body: string, options: PostOptions): Promise<Answer> {
    const { port } = this.one('gateway', options.gateway);
    const {
      statusCode,
      headers,
      body: answer,
    } = await request(`http://127.0.0.1:${port}${options.path ?? '/vendordata'}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'openstack-nova-vendordata',
        'X-Auth-Token': options.token,
        ...options.headers,
      },
      body,
      dispatcher: this.#http,
    });
    return { status: statusCode, headers, text: await answer.text() };
  }

  /** Starts a process again with the files it had, after a test has ended it. */
  async restart(resident: Resident): Promise<Resident> {
    const program = await startApp(resident.app, ['--config-file', resident.configFile], {
      env: plainEnvironment(),
      logFile: resident.logFile,
    });
    const again = { ...resident, program };
    this.#residents[this.#residents.indexOf(resident)] = again;
    await this.untilReady(again);
    return again;
  }

  async untilReady({ app, opsPort, program }: Resident): Promise<void> {
    const ready = waitFor(
      `${app} to be ready`,
      async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok,
      START_LIMIT_MS,
    );
    const ended = program.ended.then(() => {
      throw new Error(`${app} has ended before it was ready.`);
    });
    await Promise.race([ready, ended]);
  }

  /** The value of one line of a process's metrics, such as `hallmark_vendordata_redis_up`. */
  async metric({ opsPort }: Resident, line: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
    const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found === undefined ? NaN : Number(found.slice(line.length + 1));
  }

  /** Everything that all processes, or those of one app, have logged. */
  async logs(app?: AppName): Promise<string> {
    const files = this.#residents.filter((resident) => app === undefined || resident.app === app);
    const texts = await Promise.all(files.map(async ({ logFile }) => readFile(logFile, 'utf8')));
    return texts.join('');
  }

  /** Lines of the logs, parsed; those of one request when its id is given. */
  async logLines(app?: AppName, requestId?: string): Promise<Record<string, unknown>[]> {
    const lines = (await this.logs(app)).split('\n').filter((line) => line.startsWith('{'));
    return lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => requestId === undefined || line['requestId'] === requestId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Those that ask before those that are asked.
    for (const app of ['gateway', 'vendordata', 'identity'] as const) {
      await Promise.all(this.all(app).map(async ({ program }) => program.stop(STOP_GRACE_MS)));
    }
    await this.#http.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #startAll(): Promise<void> {
    const { replicas = {}, unready } = this.#options;
    const planned = await Promise.all(
      (['identity', 'vendordata', 'gateway'] as const).flatMap((app) =>
        Array.from({ length: replicas[app] ?? 1 }, async (_, index) => ({
          app,
          index,
          port: await freePort(),
          opsPort: await freePort(),
        })),
      ),
    );
    const endpoints = (app: AppName): string =>
      planned
        .filter((plan) => plan.app === app)
        .map(({ port }) => `127.0.0.1:${port}`)
        .join(', ');
    const rpc = `[rpc]\nidentity_endpoints = ${endpoints('identity')}\nvendordata_endpoints = ${endpoints('vendordata')}\n`;
    for (const { app, index, port, opsPort } of planned) {
      const folder = join(this.directory, `${app}-${index}`);
      await mkdir(folder, { mode: 0o700 });
      const configFile = join(folder, 'hallmark.conf');
      const logFile = join(folder, 'log');
      const listen =
        app === 'gateway'
          ? `[gateway_nova]\nlisten = ${this.#options.novaHost ?? '127.0.0.1'}:${port}\n[gateway]\nops_listen = 127.0.0.1:${opsPort}\n`
          : `[${app}]\nlisten = 127.0.0.1:${port}\nops_listen = 127.0.0.1:${opsPort}\n`;
      const text = [this.#options.config, rpc, listen, this.#options.configOf?.(app, index) ?? ''].join('\n');
      await writeFile(configFile, text, { mode: 0o600 });
      const program = await startApp(app, ['--config-file', configFile], {
        env: plainEnvironment(),
        logFile,
      });
      this.#residents.push({ app, program, port, opsPort, configFile, logFile });
    }
    if (unready !== true)
      await Promise.all(this.#residents.map(async (resident) => this.untilReady(resident)));
  }
}

/** Without variables like `OS_API__…`, which would win over the files written here. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^OS_\w+__/.test(name)));
}

/** The logins of a Keystone, fake or real, that knows Hallmark's account under this password. */
export function keystoneConfig(url: string, password: string): string {
  return `[vendordata_dynamic_auth]
auth_type = password
auth_url = ${url}/v3
username = hallmark
password = ${password}
user_domain_name = Default
project_name = service
project_domain_name = Default
[keystone_authtoken]
auth_section = vendordata_dynamic_auth
www_authenticate_uri = ${url}/v3
`;
}

/** An instance in Nova's words: its exact separators, key order and all seven keys. */
export function novaBody(instanceId: string, overrides: Readonly<Record<string, unknown>> = {}): string {
  const description = {
    'project-id': '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90',
    'instance-id': instanceId,
    'image-id': '75a74383-f276-4774-8074-8c4e3ff2ca64',
    'user-data': null,
    hostname: 'mail-1',
    metadata: { role: 'mail' },
    'boot-roles': 'member,reader',
    ...overrides,
  };
  return `{${Object.entries(description)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(', ')}}`;
}
