import type { CertificateFiles } from './certificates.ts';
import { Container } from './containers.ts';
import { jestHooks } from './jest-globals.ts';

const PORT = 6379;

export interface RedisOptions {
  /** Password of the default user. */
  readonly password?: string;
  /** Speaks TLS only, with this certificate. */
  readonly tls?: CertificateFiles;
  /** More of redis-server's own arguments, such as `['--maxmemory', '2mb']`. */
  readonly arguments?: readonly string[];
}

/** Redis in a container of its own. It keeps nothing on disk: whatever was in it is gone after a restart. */
export class RedisServer implements AsyncDisposable {
  readonly container: Container;
  readonly #cli: readonly string[];
  readonly #scheme: string;

  private constructor(container: Container, cli: readonly string[], scheme: string) {
    this.container = container;
    this.#cli = cli;
    this.#scheme = scheme;
  }

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const cli = ['redis-cli', ...authOf(options), ...(options.tls ? ['--tls', '--insecure'] : [])];
    const container = await Container.start({
      image: 'redis',
      ports: [PORT],
      command: [
        ...['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', ''],
        ...(options.password === undefined ? [] : ['--requirepass', options.password]),
        ...(options.tls ? TLS_ARGUMENTS : []),
        ...(options.arguments ?? []),
      ],
      files: options.tls ? tlsFiles(options.tls) : [],
      ready: (started) => started.exec([...cli, '-e', 'ping']),
    });
    return new RedisServer(container, cli, options.tls ? 'rediss' : 'redis');
  }

  get host(): string {
    return this.container.host;
  }

  get port(): number {
    return this.container.port(PORT);
  }

  /** As `[vendordata_cache] redis_url` takes it. Without the password, which comes from a file there. */
  get url(): string {
    return `${this.#scheme}://${this.host}:${this.port}`;
  }

  /** Runs one Redis command and gives what `redis-cli` prints. */
  async command(...words: readonly string[]): Promise<string> {
    return (await this.container.exec([...this.#cli, '-e', ...words])).trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}

const authOf = ({ password }: RedisOptions): readonly string[] =>
  password === undefined ? [] : ['--no-auth-warning', '-a', password];

const TLS_FOLDER = '/tmp/tls';
const TLS_ARGUMENTS = [
  ...['--port', '0', '--tls-port', String(PORT), '--tls-auth-clients', 'no'],
  ...['--tls-cert-file', `${TLS_FOLDER}/cert.pem`, '--tls-key-file', `${TLS_FOLDER}/key.pem`],
  ...['--tls-ca-cert-file', `${TLS_FOLDER}/ca.pem`],
];

/** Readable by the redis user inside, who is nobody's owner out here. */
const tlsFiles = ({ certFile, keyFile, caFile }: CertificateFiles) =>
  [
    { source: certFile, target: `${TLS_FOLDER}/cert.pem` },
    { source: keyFile, target: `${TLS_FOLDER}/key.pem` },
    { source: caFile, target: `${TLS_FOLDER}/ca.pem` },
  ].map((file) => ({ ...file, mode: 0o644 }));

/** Long enough to make the image, the first time on a machine. */
const START_TIMEOUT_MS = 900_000;

/**
 * One Redis for the tests of the surrounding `describe`, with `current` to reach it from inside them.
 * Options that come from another hook, such as certificates, are given by a function.
 */
export function useRedis(options: RedisOptions | (() => RedisOptions) = {}): {
  readonly current: RedisServer;
} {
  const { beforeAll, afterAll } = jestHooks();
  let server: RedisServer | undefined;
  beforeAll(async () => {
    server = await RedisServer.start(typeof options === 'function' ? options() : options);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return {
    get current() {
      if (server === undefined) throw new Error('Redis runs only while the tests of its suite do.');
      return server;
    },
  };
}
