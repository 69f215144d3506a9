import { createHash } from 'node:crypto';
import { identity } from '@hallmark/contracts';
import { HallmarkError, unavailable } from '@hallmark/errors';
import { RpcServer, type Call, type Handlers } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';

const DAY_MS = 86_400_000;

/** The identity service on the other side of its contract: hands out `token-1`, `token-2`, … */
export class FakeIdentity implements Handlers<typeof identity.IdentityServiceService>, AsyncDisposable {
  /** What was asked for, in order. */
  readonly requests: identity.GetServiceTokenRequest[] = [];
  /** Thrown at whoever asks, while it is set. */
  failure: HallmarkError | undefined;
  /** Whether the operator configured a login. */
  hasLogin = true;
  /** For how long a token may be used without asking again. */
  useForMs = DAY_MS;
  delayMs = 0;
  endpoint = '';
  #server: RpcServer | undefined;
  #minted = 1;

  get token(): string {
    return `token-${this.#minted}`;
  }

  static async start(endpoint = '127.0.0.1:0'): Promise<FakeIdentity> {
    const fake = new FakeIdentity();
    const server = new RpcServer({ app: 'identity', listen: [endpoint], ...testContext('identity') });
    server.add(identity.IdentityServiceService, fake);
    [fake.endpoint = ''] = await server.listen();
    fake.#server = server;
    return fake;
  }

  /** The next one who asks gets another token. */
  mint(): void {
    this.#minted += 1;
  }

  async getServiceToken(request: identity.GetServiceTokenRequest): Promise<identity.GetServiceTokenResponse> {
    this.requests.push(request);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.failure) throw this.failure;
    if (!this.hasLogin) return { token: '' };
    if (request.rejectedTokenSha256 === sha256(this.token)) this.mint();
    return { token: this.token, useUntil: new Date(Date.now() + this.useForMs) };
  }

  validateToken(): Promise<identity.ValidateTokenResponse> {
    return Promise.reject(unavailable('NOT_HERE', 'The vendordata service validates no tokens.'));
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

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
