import { identity } from '@hallmark/contracts';
import { unauthenticated } from '@hallmark/errors';
import { RpcServer, type Call } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';
import { FakeWatch } from './fake-watch.ts';

type Invalidated = Extract<identity.WatchInvalidationsResponse['event'], { $case: 'tokenInvalidated' }>;

/** A caller, where only what matters is given. */
export const aCaller = (given: Partial<identity.Caller> = {}): identity.Caller => ({
  userId: 'nova-id',
  userName: 'nova',
  userDomainId: 'default',
  userDomainName: 'Default',
  projectId: 'service-project',
  projectName: 'service',
  projectDomainId: 'default',
  projectDomainName: 'Default',
  roles: ['service'],
  systemScope: false,
  expiresAt: undefined,
  ...given,
});

/** A small identity service: tokens and what they are worth, as a test says. */
export class FakeIdentity implements AsyncDisposable {
  readonly watch = new FakeWatch<Invalidated>();
  readonly callers = new Map<string, identity.Caller>();
  readonly asked: { request: identity.ValidateTokenRequest; requestId: string }[] = [];
  ttlMs = 60_000;
  /** Thrown instead of an answer. */
  failure: Error | undefined;
  /** Awaited before each answer. */
  gate: Promise<unknown> = Promise.resolve();
  /** Calls that their caller took back before there was an answer. */
  aborted = 0;
  readonly #server: RpcServer;
  address = '';

  private constructor(listen: string) {
    const { log, registry } = testContext('fake-identity');
    this.#server = new RpcServer({ app: 'identity', listen: [listen], log, registry });
    this.#server.add(identity.IdentityServiceService, {
      validateToken: async (request, call) => this.#validate(request, call),
      getServiceToken: () => Promise.reject(new Error('Not for the gateway.')),
      watchInvalidations: (_request, { signal }) => this.watch.serve(signal),
    });
  }

  static async start(listen = '127.0.0.1:0'): Promise<FakeIdentity> {
    const fake = new FakeIdentity(listen);
    [fake.address = ''] = await fake.#server.listen();
    return fake;
  }

  async #validate(
    request: identity.ValidateTokenRequest,
    call: Call,
  ): Promise<identity.ValidateTokenResponse> {
    this.asked.push({ request, requestId: call.requestId });
    const aborted = (): void => void (this.aborted += 1);
    call.signal.addEventListener('abort', aborted);
    const { version } = this.watch;
    await this.gate;
    call.signal.removeEventListener('abort', aborted);
    if (this.failure) throw this.failure;
    const caller = this.callers.get(request.token);
    if (!caller) throw unauthenticated('TOKEN_INVALID', 'Keystone does not accept this token.');
    const service = this.callers.get(request.serviceToken);
    return { caller, service, reuse: { ttl: duration(this.ttlMs), version } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watch.breakAll();
    await this.#server[Symbol.asyncDispose]();
  }
}

export const duration = (ms: number) => ({
  seconds: Math.floor(ms / 1_000),
  nanos: Math.round((ms % 1_000) * 1_000_000),
});
