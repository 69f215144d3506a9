import { hostname } from 'node:os';
import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers';
import type { ContainerRuntimeClient, StartedTestContainer } from 'testcontainers';
import { ensureImage } from './images.ts';
import type { TestImage } from './images.ts';
import { answersAt, freePort } from './ports.ts';
import { waitFor } from './wait-for.ts';

// testcontainers' own reaper is an image from a registry, which a closed network does not have; the
// label below and `sweep` do its work.
process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';

/** The name by which a container reaches this machine. A server must listen on 0.0.0.0 to be reached. */
export const HOST_FROM_CONTAINERS = 'host.docker.internal';

const OWNER_LABEL = 'hallmark.test-owner';
/** On a busy machine everything may take ten times as long. */
const READY_TIMEOUT_MS = 180_000;

export interface ContainerOptions {
  readonly image: TestImage;
  /** Ports of the container that tests reach. Each keeps its address over a restart. */
  readonly ports: readonly number[];
  /** Ports that are to have the same number inside and outside. */
  readonly samePorts?: readonly number[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: readonly { readonly source: string; readonly target: string; readonly mode?: number }[];
  readonly contents?: readonly {
    readonly content: string;
    readonly target: string;
    readonly mode?: number;
  }[];
  /** Directories in memory, with options of `mount`. What is in one is gone when the container ends. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** Resolves when the service does its work, and rejects while it does not; tried after each start. */
  readonly ready: (container: Container) => Promise<unknown>;
}

/**
 * Loopback wherever Docker publishes there, which `localhost` need not be (it may mean ::1 first) and which
 * testcontainers does not say on a machine that looks like a container itself; certificates name loopback.
 */
async function hostOf(started: StartedTestContainer, ports: ReadonlyMap<number, number>): Promise<string> {
  const [port] = ports.values();
  return port !== undefined && (await answersAt('127.0.0.1', port)) ? '127.0.0.1' : started.getHost();
}

/** One running container of a test image, whose life the test decides. */
export class Container implements AsyncDisposable {
  readonly host: string;
  readonly #ready: ContainerOptions['ready'];
  readonly #ports: ReadonlyMap<number, number>;
  readonly #client: ContainerRuntimeClient;
  readonly #started: StartedTestContainer;

  private constructor(
    options: ContainerOptions,
    ports: ReadonlyMap<number, number>,
    client: ContainerRuntimeClient,
    started: StartedTestContainer,
    host: string,
  ) {
    this.host = host;
    this.#ready = options.ready;
    this.#ports = ports;
    this.#client = client;
    this.#started = started;
  }

  static async start(options: ContainerOptions): Promise<Container> {
    const client = await getContainerRuntimeClient();
    await sweep(client);
    const ports = new Map<number, number>();
    for (const port of options.ports) ports.set(port, await freePort());
    for (const port of options.samePorts ?? []) ports.set(port, port);
    const started = await new GenericContainer(await ensureImage(options.image))
      .withLabels({ [OWNER_LABEL]: `${hostname()}/${process.pid}` })
      .withExtraHosts([{ host: HOST_FROM_CONTAINERS, ipAddress: 'host-gateway' }])
      .withExposedPorts(...[...ports].map(([container, host]) => ({ container, host })))
      .withEnvironment({ ...options.environment })
      .withCopyFilesToContainer([...(options.files ?? [])])
      .withCopyContentToContainer([...(options.contents ?? [])])
      .withCommand([...(options.command ?? [])])
      .withTmpFs({ ...options.tmpfs })
      .withWaitStrategy(Wait.forSuccessfulCommand('true'))
      .start();
    const container = new Container(options, ports, client, started, await hostOf(started, ports));
    try {
      await container.#untilReady();
    } catch (cause) {
      const said = await container.logs();
      await container[Symbol.asyncDispose]();
      throw new Error(`The ${options.image} container did not become ready. It said:\n${said}`, { cause });
    }
    return container;
  }

  /** Where this machine reaches a port of the container. */
  port(containerPort: number): number {
    const port = this.#ports.get(containerPort);
    if (port === undefined) throw new Error(`Port ${containerPort} of the container is not exposed.`);
    return port;
  }

  /** Runs a command inside and gives what it printed; one that fails rejects. */
  async exec(command: readonly string[]): Promise<string> {
    const { exitCode, output } = await this.#started.exec([...command]);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${output}`);
    return output;
  }

  /** Lays a file into it. */
  async put(target: string, content: Buffer): Promise<void> {
    await this.#started.copyContentToContainer([{ content, target }]);
  }

  /** Ends it as a crash or a power cut would. */
  async kill(): Promise<void> {
    await this.#docker.kill();
  }

  /** Ends it in order, with 10 seconds to do so. */
  async stop(): Promise<void> {
    await this.#docker.stop({ t: 10 });
  }

  /** Starts it again, at the same address, and waits until it does its work. */
  async start(): Promise<void> {
    await this.#docker.start();
    await this.#untilReady();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Makes it a black hole: connections are accepted, and nothing is answered. */
  async pause(): Promise<void> {
    await this.#docker.pause();
  }

  async unpause(): Promise<void> {
    await this.#docker.unpause();
  }

  /** What it has printed so far. */
  async logs(): Promise<string> {
    const log = await this.#docker.logs({ stdout: true, stderr: true, follow: false });
    return log.toString('utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#docker.remove({ force: true, v: true });
  }

  get #docker() {
    return this.#client.container.getById(this.#started.getId());
  }

  async #untilReady(): Promise<void> {
    await waitFor(
      'the container to become ready',
      async () => {
        await this.#ready(this);
        return true;
      },
      READY_TIMEOUT_MS,
    );
  }
}

let swept: Promise<void> | undefined;

/** Removes, once per process, the containers whose test run on this machine is no longer there to do it. */
async function sweep(client: ContainerRuntimeClient): Promise<void> {
  swept ??= (async () => {
    const { dockerode } = client.container;
    const containers = await dockerode.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
    for (const { Id, Labels } of containers) {
      const [host, pid] = (Labels[OWNER_LABEL] ?? '').split('/');
      if (host !== hostname() || isRunning(Number(pid))) continue;
      await dockerode
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
    }
  })();
  await swept;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
