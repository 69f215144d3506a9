import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { APPS, startApp, type AppName, type Program } from '@hallmark/serve';
import { freePort, waitFor } from '@hallmark/testing';
import { Agent, request, type Dispatcher } from 'undici';

/** How many processes of each app, and what they are told. */
export interface HouseOptions {
  /** INI text that all processes read: targets, Keystone, cache. Addresses are added here. */
  config: string;
  /** INI text of one process more, such as its certificate; `index` counts from 0. */
  configOf?: (app: AppName, index: number) => string;
  /** Default: one of each, and none of instances and images; with any, their doors are open. */
  replicas?: Partial<Record<AppName, number>>;
  /** Address of the gateway's doors. Default: loopback; a container needs `0.0.0.0`. */
  novaHost?: string;
  /** Do not wait until the processes are ready, as when what they need is down. */
  unready?: boolean;
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

/** A request at Nova's door that is not Nova's own. */
export interface CallOptions {
  token?: string;
  /** Default: GET. */
  method?: string;
  gateway?: number;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
}

/** A request at the door of the Image API. */
export interface ImageCallOptions {
  token?: string;
  /** Default: GET. */
  method?: string;
  gateway?: number;
  headers?: Readonly<Record<string, string>>;
  /** As it goes over the wire. */
  body?: string | Buffer | Readable;
  /** Ends the request. */
  signal?: AbortSignal;
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
  /** The other door: for guests of a gateway, for config drives of instances, for data of images. */
  readonly secondPort: number;
  /** The door of a gateway for clients of the Image API, when there is an images process. */
  readonly imagePort: number;
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
    const { statusCode, headers, answer } = await this.#send(port, options.path ?? '/vendordata', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'openstack-nova-vendordata',
        'X-Auth-Token': options.token,
        ...options.headers,
      },
      body,
    });
    return { status: statusCode, headers, text: answer.toString() };
  }

  /** A request of the boot API. */
  async call(path: string, options: CallOptions = {}): Promise<Answer & { readonly bytes: Buffer }> {
    const { token, method = 'GET', body } = options;
    const { port } = this.one('gateway', options.gateway);
    const { statusCode, headers, answer } = await this.#send(port, path, {
      method,
      headers: {
        ...(token !== undefined && { 'X-Auth-Token': token }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...options.headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: statusCode, headers, text: answer.toString(), bytes: answer };
  }

  /** A request at the door for clients of the Image API, with nothing added but the token. */
  async image(path: string, options: ImageCallOptions): Promise<Answer & { readonly bytes: Buffer }> {
    const { token, method = 'GET', headers, body, signal } = options;
    const { imagePort } = this.one('gateway', options.gateway);
    const { statusCode, answer, ...rest } = await this.#send(imagePort, path, {
      method,
      headers: { ...(token !== undefined && { 'X-Auth-Token': token }), ...headers },
      body,
      signal,
    });
    return { status: statusCode, headers: rest.headers, text: answer.toString(), bytes: answer };
  }

  /** A request at the door for guests, with nothing added. */
  async guest(path: string, headers: Readonly<Record<string, string>>, gateway = 0): Promise<Answer> {
    const { secondPort } = this.one('gateway', gateway);
    const {
      statusCode,
      headers: said,
      answer,
    } = await this.#send(secondPort, path, { method: 'GET', headers });
    return { status: statusCode, headers: said, text: answer.toString() };
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
    for (const app of APPS.toReversed()) {
      await Promise.all(this.all(app).map(async ({ program }) => program.stop(STOP_GRACE_MS)));
    }
    await this.#http.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #send(port: number, path: string, options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>) {
    const url = `http://127.0.0.1:${port}${path}`;
    const { statusCode, headers, body } = await request(url, { ...options, dispatcher: this.#http });
    return { statusCode, headers, answer: Buffer.from(await body.arrayBuffer()) };
  }

  async #startAll(): Promise<void> {
    const { unready } = this.#options;
    const replicas = { instances: 0, images: 0, ...this.#options.replicas };
    const planned = await Promise.all(
      APPS.flatMap((app) => Array.from({ length: replicas[app] ?? 1 }, async (_, index) => plan(app, index))),
    );
    const rpc = rpcSection(planned);
    for (const planOfOne of planned) {
      const { app, index, port, opsPort, secondPort, imagePort } = planOfOne;
      const folder = join(this.directory, `${app}-${index}`);
      await mkdir(folder, { mode: 0o700 });
      const configFile = join(folder, 'hallmark.conf');
      const logFile = join(folder, 'log');
      const doors = {
        host: this.#options.novaHost ?? '127.0.0.1',
        guests: replicas.instances > 0,
        images: replicas.images > 0,
      };
      const listen = listenSections(planOfOne, doors);
      const text = [this.#options.config, rpc, listen, this.#options.configOf?.(app, index) ?? ''].join('\n');
      await writeFile(configFile, text, { mode: 0o600 });
      const program = await startApp(app, ['--config-file', configFile], {
        env: plainEnvironment(),
        logFile,
      });
      this.#residents.push({ app, program, port, opsPort, secondPort, imagePort, configFile, logFile });
    }
    if (unready !== true)
      await Promise.all(this.#residents.map(async (resident) => this.untilReady(resident)));
  }
}

interface Plan {
  readonly app: AppName;
  readonly index: number;
  readonly port: number;
  readonly opsPort: number;
  readonly secondPort: number;
  readonly imagePort: number;
}

async function plan(app: AppName, index: number): Promise<Plan> {
  const [port, opsPort, secondPort, imagePort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  return { app, index, port, opsPort, secondPort, imagePort };
}

/** Where each finds the others. */
function rpcSection(planned: readonly Plan[]): string {
  const addresses = (app: AppName, port: 'port' | 'secondPort'): string =>
    planned
      .filter((one) => one.app === app)
      .map((one) => `127.0.0.1:${one[port]}`)
      .join(', ');
  const lines = [
    `identity_endpoints = ${addresses('identity', 'port')}`,
    `vendordata_endpoints = ${addresses('vendordata', 'port')}`,
    `instances_endpoints = ${addresses('instances', 'port')}`,
    `instances_data_endpoints = ${addresses('instances', 'secondPort')}`,
    `images_endpoints = ${addresses('images', 'port')}`,
    `images_data_endpoints = ${addresses('images', 'secondPort')}`,
  ];
  return `[rpc]\n${lines.join('\n')}\n`;
}

/** Where one listens. */
function listenSections(
  { app, port, opsPort, secondPort, imagePort }: Plan,
  doors: { readonly host: string; readonly guests: boolean; readonly images: boolean },
): string {
  const ops = `ops_listen = 127.0.0.1:${opsPort}\n`;
  switch (app) {
    case 'gateway': {
      const guests = doors.guests ? `[gateway_guest]\nlisten = ${doors.host}:${secondPort}\n` : '';
      const images = doors.images ? `[gateway_image]\nlisten = ${doors.host}:${imagePort}\n` : '';
      return `[gateway_nova]\nlisten = ${doors.host}:${port}\n${guests}${images}[gateway]\n${ops}`;
    }
    case 'instances':
    case 'images':
      return `[${app}]\nlisten = 127.0.0.1:${port}\ndata_listen = 127.0.0.1:${secondPort}\n${ops}`;
    case 'identity':
    case 'vendordata':
      return `[${app}]\nlisten = 127.0.0.1:${port}\n${ops}`;
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
