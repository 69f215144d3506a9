import { vendordata } from '@hallmark/contracts';
import { RpcServer, type Call } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';
import { duration } from './fake-identity.ts';
import { FakeWatch } from './fake-watch.ts';

type Invalidated = Extract<vendordata.WatchInvalidationsResponse['event'], { $case: 'answersInvalidated' }>;

/** One target's part, where only what matters is given. */
export const aPart = (
  name: string,
  json: string,
  given: Partial<vendordata.Contribution> = {},
): vendordata.Contribution => ({
  name,
  json: Buffer.from(json),
  source: vendordata.Contribution_Source.FRESH,
  elapsed: duration(12.3),
  age: duration(0),
  ttl: duration(60_000),
  failureReason: '',
  ...given,
});

/** A small vendordata service: what it answers is what a test says. */
export class FakeVendordata implements AsyncDisposable {
  readonly watch = new FakeWatch<Invalidated>();
  readonly asked: { request: vendordata.ResolveRequest; call: Call; remainingMs: number }[] = [];
  parts: vendordata.Contribution[] = [aPart('rack', '{"row": 7}')];
  /** What it makes of the answers, by what is asked for. */
  documents = new Map<vendordata.ResolveRequest_Document, string>();
  ttlMs = 60_000;
  ageMs = 0;
  /** The version of the next answers; that of the watch when undefined. */
  version: number | undefined;
  failure: Error | undefined;
  /** The fault that it finds with a request. */
  refusal: (request: vendordata.ResolveRequest) => Error | undefined = () => undefined;
  /** Awaited before each answer. */
  gate: Promise<unknown> = Promise.resolve();
  /** Calls that their caller took back before there was an answer. */
  aborted = 0;
  readonly #server: RpcServer;
  address = '';

  private constructor(listen: string) {
    const { log, registry } = testContext('fake-vendordata');
    this.#server = new RpcServer({ app: 'vendordata', listen: [listen], log, registry });
    const notForTheGateway = () => Promise.reject(new Error('Not for the gateway.'));
    this.#server.add(vendordata.VendordataServiceService, {
      resolve: async (request, call) => this.#resolve(request, call),
      listTargets: notForTheGateway,
      probeTarget: notForTheGateway,
      purge: notForTheGateway,
      watchInvalidations: (_request, { signal }) => this.watch.serve(signal),
    });
  }

  static async start(listen = '127.0.0.1:0'): Promise<FakeVendordata> {
    const fake = new FakeVendordata(listen);
    [fake.address = ''] = await fake.#server.listen();
    return fake;
  }

  async #resolve(request: vendordata.ResolveRequest, call: Call): Promise<vendordata.ResolveResponse> {
    this.asked.push({ request, call, remainingMs: call.remainingMs() });
    const aborted = (): void => void (this.aborted += 1);
    call.signal.addEventListener('abort', aborted);
    const version = this.version ?? this.watch.version;
    const { parts, ttlMs, ageMs } = this;
    const document = Buffer.from(this.documents.get(request.document) ?? '');
    await this.gate;
    call.signal.removeEventListener('abort', aborted);
    const failure = this.failure ?? this.refusal(request);
    if (failure) throw failure;
    return {
      contributions: parts.filter(({ name }) => request.target === '' || request.target === name),
      reuse: { ttl: duration(ttlMs), version, age: duration(ageMs) },
      instanceId: instanceIdIn(request.instanceJson),
      document,
      shortLivedTargets: [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watch.breakAll();
    await this.#server[Symbol.asyncDispose]();
  }
}

function instanceIdIn(json: Buffer): string {
  const about: unknown = JSON.parse(json.toString());
  return typeof about === 'object' && about !== null && 'instance-id' in about
    ? String(about['instance-id'])
    : '';
}
