import { createHash } from 'node:crypto';
import { identity } from '@hallmark/contracts';
import { unavailable, type HallmarkError } from '@hallmark/errors';
import { RpcServer, type Call, type Handlers } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';

/** The identity service on the other side of its contract: hands out `token-1`, `token-2`, … */
export class FakeIdentity implements Handlers<typeof identity.IdentityServiceService>, AsyncDisposable {
  /** What was asked for, in order. */
  readonly requests: identity.GetServiceTokenRequest[] = [];
  /** Thrown at whoever asks, while it is set. */
  failure: HallmarkError | undefined;
  /** Whether the operator configured a login. */
  hasLogin = true;
  endpoint = '';
  #server: RpcServer | undefined;
  #minted = 1;

  get token(): string {
    return `token-${this.#minted}`;
  }

  static async start(): Promise<FakeIdentity> {
    const fake = new FakeIdentity();
    const server = new RpcServer({ app: 'identity', listen: ['127.0.0.1:0'], ...testContext('identity') });
    server.add(identity.IdentityServiceService, fake);
    [fake.endpoint = ''] = await server.listen();
    fake.#server = server;
    return fake;
  }

  getServiceToken(request: identity.GetServiceTokenRequest): Promise<identity.GetServiceTokenResponse> {
    this.requests.push(request);
    if (this.failure) return Promise.reject(this.failure);
    if (!this.hasLogin) return Promise.resolve({ token: '' });
    if (request.rejectedTokenSha256 === sha256(this.token)) this.#minted += 1;
    return Promise.resolve({ token: this.token, useUntil: new Date(Date.now() + 86_400_000) });
  }

  validateToken(): Promise<identity.ValidateTokenResponse> {
    return Promise.reject(unavailable('NOT_HERE', 'The instances service validates no tokens.'));
  }

  async *watchInvalidations(
    _request: identity.WatchInvalidationsRequest,
    call: Call,
  ): AsyncGenerator<identity.WatchInvalidationsResponse, void> {
    yield { version: 1, event: { $case: 'hello', value: { epoch: 'fake' } } };
    await new Promise((resolve) => {
      call.signal.addEventListener('abort', resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
