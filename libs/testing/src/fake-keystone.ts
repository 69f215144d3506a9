import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DEFAULT_USERS,
  Directory,
  applicationCredentialId,
  type FakeApplicationCredential,
  type FakeUser,
} from './fake-keystone/directory.ts';
import { answerTo } from './fake-keystone/answers.ts';
import { TokenStore } from './fake-keystone/tokens.ts';
import { failure, type Answer } from './fake-keystone/wire.ts';

export type { FakeApplicationCredential, FakeUser } from './fake-keystone/directory.ts';

export interface FakeKeystoneOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, a free one. */
  readonly port?: number;
  /** Default: `nova` and `hallmark` with role `service` on project `service`, `alice` a member of `demo`. */
  readonly users?: readonly FakeUser[];
  readonly applicationCredentials?: readonly FakeApplicationCredential[];
  /** Default: 3600, as Keystone's. */
  readonly tokenLifetimeSeconds?: number;
  /** Makes it speak HTTPS; `requestCert` and `ca` make it ask for client certificates. */
  readonly tls?: ServerOptions;
}

/** A request as it arrived. Holds tokens and passwords: for assertions, not for printing. */
export interface KeystoneRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
}

/** What `issue` makes a token for. */
export interface IssueRequest {
  /** Name of the user. */
  readonly user: string;
  /** Name of the project. Default: the first that the user has a role on. */
  readonly project?: string;
  /** Replaces the roles that the user has there. */
  readonly roles?: readonly string[];
  /** May be negative: the token has expired already. Default: the token lifetime. */
  readonly expiresInSeconds?: number;
}

/** A stand-in that is up for days must not remember everything it was ever asked. */
const REQUESTS_REMEMBERED = 10_000;
/** Keystone refuses larger bodies. */
const MAX_BODY_BYTES = 114_688;

/**
 * A server that answers as Keystone v3 does, as far as tokens go, and that a test can tell to
 * misbehave. It keeps everything in memory and forgets it when it stops.
 */
export class FakeKeystone implements AsyncDisposable {
  /** Every request since the start or the last `forgetRequests`, oldest first. */
  readonly requests: KeystoneRequest[] = [];
  /** Life of the tokens given out from now on. */
  tokenLifetimeSeconds: number;

  readonly #options: FakeKeystoneOptions;
  readonly #directory: Directory;
  readonly #tokens = new TokenStore();
  #server: Server | undefined;
  #port: number;
  #delayMs = 0;
  #fixed: Answer | undefined;

  constructor(options: FakeKeystoneOptions) {
    this.#options = options;
    this.#directory = new Directory(options.users ?? DEFAULT_USERS, options.applicationCredentials ?? []);
    this.#port = options.port ?? 0;
    this.tokenLifetimeSeconds = options.tokenLifetimeSeconds ?? 3600;
  }

  /** Base of all URLs, without a version: `http://127.0.0.1:35357`. */
  get url(): string {
    const host = this.#options.host ?? '127.0.0.1';
    return `${this.#options.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${this.#port}`;
  }

  /** The requests for tokens, their validation or their end, without those for version documents. */
  get tokenRequests(): readonly KeystoneRequest[] {
    return this.requests.filter(({ url }) => url.startsWith('/v3/auth/tokens'));
  }

  forgetRequests(): void {
    this.requests.length = 0;
  }

  /** Id of an application credential, as `application_credential_id` takes it. */
  applicationCredentialId(credential: FakeApplicationCredential): string {
    return applicationCredentialId(credential);
  }

  /** A token as if the user had logged in. */
  issue({ user: name, project, roles, expiresInSeconds }: IssueRequest): string {
    const user = this.#directory.user(name);
    const scope = project ?? Object.keys(user.projects ?? {})[0];
    const domain = this.#directory.identityOf(user).domain;
    const grant = this.#directory.grant(
      roles && scope !== undefined ? { ...user, projects: { ...user.projects, [scope]: roles } } : user,
      scope === undefined ? undefined : { project: { name: scope, domain } },
    );
    if (!grant) throw new Error(`${name} has no role on ${scope ?? 'anything'}.`);
    return this.#tokens.issue(grant, expiresInSeconds ?? this.tokenLifetimeSeconds).id;
  }

  /** From now on the token is answered with 404, as after its owner's log-out. */
  revoke(token: string): void {
    this.#tokens.revoke(token);
  }

  /** Logins with the old password are refused from now on; tokens live on. */
  setPassword(user: string, password: string): void {
    this.#directory.setPassword(user, password);
  }

  /** Holds each answer back for so long; it says what was true when the request came. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Answers everything with this status, until called without one. */
  respondWith(status?: number, body?: string): void {
    if (status === undefined) this.#fixed = undefined;
    else if (body === undefined) this.#fixed = failure(status, 'The fake Keystone was told to answer this.');
    else this.#fixed = { status, body };
  }

  /** Closes the port and breaks what is open: connections are refused until `comeUp`. */
  async goDown(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  /** Listens again, on the same port. */
  async comeUp(): Promise<void> {
    if (this.#server) return;
    const server = this.#options.tls ? createHttpsServer(this.#options.tls) : createHttpServer();
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response);
    });
    server.listen(this.#port, this.#options.host ?? '127.0.0.1');
    await once(server, 'listening');
    // A server on a TCP port has an address object; only pipes have a string.
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown();
  }

  #answerTo(asked: KeystoneRequest, bodyBytes: number): Answer {
    if (bodyBytes > MAX_BODY_BYTES) {
      return { status: 413, body: 'Request is too large.', headers: { 'Content-Type': 'text/plain' } };
    }
    return answerTo(asked, {
      base: this.url,
      directory: this.#directory,
      tokens: this.#tokens,
      lifetimeSeconds: this.tokenLifetimeSeconds,
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const asked: KeystoneRequest = { method, url, headers, body: body.toString(), receivedAtMs: Date.now() };
    this.requests.push(asked);
    if (this.requests.length > REQUESTS_REMEMBERED) this.requests.shift();
    const answer = this.#fixed ?? this.#answerTo(asked, body.length);
    if (this.#delayMs > 0) await sleep(this.#delayMs, undefined, { ref: false });
    response
      .writeHead(answer.status, {
        Vary: 'X-Auth-Token',
        'x-openstack-request-id': `req-${randomUUID()}`,
        ...(answer.status === 204 ? {} : { 'Content-Length': Buffer.byteLength(answer.body) }),
        ...answer.headers,
      })
      .end(method === 'HEAD' ? undefined : answer.body);
  }
}

/** Starts a fake Keystone; dispose it to stop it. */
export async function startFakeKeystone(options: FakeKeystoneOptions = {}): Promise<FakeKeystone> {
  const keystone = new FakeKeystone(options);
  await keystone.comeUp();
  return keystone;
}
