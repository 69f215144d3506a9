import type { CertificateFiles } from './certificates.ts';
import { Container } from './containers.ts';

const PORT = 5432;
/** As the image has them. */
const USER = 'hallmark';
const PASSWORD = 'hallmark';
const DATABASE = 'hallmark';

/** Where the image's start script puts the data. */
const VOLUME = '/data';
const FILLER = `${VOLUME}/filler`;

export interface PostgresServerOptions {
  /** Keeps the data in a disk of this size, 96 MiB at least, which can be filled. They are lost when the server ends. */
  readonly diskMiB?: number;
  /** Takes TLS connections, with this certificate; and no others. */
  readonly tls?: CertificateFiles;
  /** More settings of PostgreSQL. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** PostgreSQL as Debian has it, in a container of its own: for what the embedded one cannot show. */
export class PostgresServer implements AsyncDisposable {
  readonly container: Container;

  private constructor(container: Container) {
    this.container = container;
  }

  static async start({ diskMiB, tls, settings = {} }: PostgresServerOptions = {}): Promise<PostgresServer> {
    const all = { ...(tls ? TLS_SETTINGS : {}), ...settings };
    const container = await Container.start({
      image: 'postgres',
      ports: [PORT],
      command: Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      environment: { ONLY: tls ? 'hostssl' : 'host' },
      files: tls ? tlsFiles(tls) : [],
      tmpfs: diskMiB === undefined ? {} : { [VOLUME]: `rw,size=${diskMiB}m,mode=1777` },
      ready: (started) => started.exec(['pg_isready', '-q', '-h', '127.0.0.1', '-t', '1']),
    });
    return new PostgresServer(container);
  }

  /** As `[postgres] url` takes it, password included. */
  get url(): string {
    return `postgresql://${USER}:${PASSWORD}@${this.container.host}:${this.container.port(PORT)}/${DATABASE}`;
  }

  /** Leaves no byte free on its disk. */
  async fillDisk(): Promise<void> {
    // dd ends with an error when the disk is full, which is what is wanted.
    await this.container.exec(['sh', '-c', `dd if=/dev/zero of=${FILLER} bs=64k 2>/dev/null || true`]);
  }

  async freeDisk(): Promise<void> {
    await this.container.exec(['rm', '-f', FILLER]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}

const TLS_FOLDER = '/tmp/tls';
const TLS_SETTINGS = {
  ssl: 'on',
  ssl_cert_file: '/data/tls/cert.pem',
  ssl_key_file: '/data/tls/key.pem',
};

/** The start script makes copies that belong to PostgreSQL, as it wants its key. */
const tlsFiles = ({ certFile, keyFile }: CertificateFiles) =>
  [
    { source: certFile, target: `${TLS_FOLDER}/cert.pem` },
    { source: keyFile, target: `${TLS_FOLDER}/key.pem` },
  ].map((file) => ({ ...file, mode: 0o644 }));
