import { Container } from './containers.ts';

const PORT = 8080;
/** As the image has it: the account of Swift's own API, and the user in it. */
const USER = 'images:hallmark';
const PASSWORD = 's3-secret';

/** Real Swift, which speaks S3; and its own API, by which a test sees what lies under the buckets. */
export class SwiftServer implements AsyncDisposable {
  static readonly accessKey = USER;
  static readonly secretKey = PASSWORD;
  readonly container: Container;

  private constructor(container: Container) {
    this.container = container;
  }

  static async start(): Promise<SwiftServer> {
    const container = await Container.start({
      image: 'swift',
      ports: [PORT],
      // The account's listing comes from behind the proxy.
      ready: async (started) => await ask(started, 'GET', ''),
    });
    return new SwiftServer(container);
  }

  /** As `s3_store_host` takes it. */
  get url(): string {
    return urlOf(this.container);
  }

  /**
   * The objects of a container and their bytes. A bucket is a container of its name; parts, and uploads that
   * are under way, are in the one that is called `BUCKET+segments`.
   */
  async objects(name: string): Promise<Map<string, number>> {
    const listing = await ask(this.container, 'GET', `/${encodeURIComponent(name)}?format=json`);
    const objects = JSON.parse(listing || '[]') as readonly { name: string; bytes: number }[];
    return new Map(objects.map((object) => [object.name, object.bytes]));
  }

  /** How many bytes a container may hold. Undefined: any number. */
  async setQuota(name: string, bytes: number | undefined): Promise<void> {
    const quota = { 'X-Container-Meta-Quota-Bytes': bytes === undefined ? '' : String(bytes) };
    await ask(this.container, 'POST', `/${encodeURIComponent(name)}`, quota);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}

const urlOf = (container: Container): string => `http://${container.host}:${container.port(PORT)}`;

/** One request of Swift's own API. A container that is not there has nothing in it. */
async function ask(
  container: Container,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const url = urlOf(container);
  const login = await fetch(`${url}/auth/v1.0`, { headers: { 'X-Auth-User': USER, 'X-Auth-Key': PASSWORD } });
  await login.arrayBuffer();
  const token = login.headers.get('X-Auth-Token') ?? '';
  const account = `${url}/v1/AUTH_${USER.split(':', 1)[0] ?? ''}`;
  const answer = await fetch(`${account}${path}`, { method, headers: { 'X-Auth-Token': token, ...headers } });
  const body = await answer.text();
  if (method === 'GET' && answer.status === 404) return '';
  if (!answer.ok) throw new Error(`Swift answered ${method} ${path} with ${answer.status}: ${body}`);
  return body;
}
