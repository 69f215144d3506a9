import { vendordata } from '@hallmark/contracts';
import { notFound, unavailable } from '@hallmark/errors';
import { RpcServer, type Call, type Handlers } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';

const { ResolveRequest_Document: Document } = vendordata;

/** The vendordata service on the other side of its contract. Says what a test wants it to say. */
export class FakeVendordata implements Handlers<typeof vendordata.VendordataServiceService>, AsyncDisposable {
  /** Who asked for `vendor_data2.json`, in order. */
  readonly requests: vendordata.ResolveRequest[] = [];
  /** Thrown at whoever asks for `vendor_data2.json`, while it is set. */
  failure: Error | undefined;
  /** Undefined: `StaticJSON` is not among the providers. */
  vendorData: string | undefined = '{"static": "file"}';
  vendorData2 = '{"cmdb": {"asset": 12345678901234567890}}';
  shortLivedTargets: readonly string[] = [];
  /** How many ask and wait. */
  waiting = 0;
  most = 0;
  endpoint = '';
  #gate: PromiseWithResolvers<void> | undefined;
  #server: RpcServer | undefined;

  static async start(endpoint = '127.0.0.1:0'): Promise<FakeVendordata> {
    const fake = new FakeVendordata();
    await fake.listen(endpoint);
    return fake;
  }

  async listen(endpoint: string): Promise<void> {
    const server = new RpcServer({ app: 'vendordata', listen: [endpoint], ...testContext('vendordata') });
    server.add(vendordata.VendordataServiceService, this);
    [this.endpoint = ''] = await server.listen();
    this.#server = server;
  }

  /** From now on nobody is answered before `release`. */
  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async resolve(request: vendordata.ResolveRequest, call: Call): Promise<vendordata.ResolveResponse> {
    if (request.document === Document.VENDOR_DATA) {
      if (this.vendorData !== undefined) return answer(this.vendorData);
      throw notFound('NO_STATIC_VENDORDATA', 'StaticJSON is not among the providers.');
    }
    this.requests.push(request);
    this.waiting += 1;
    this.most = Math.max(this.most, this.waiting);
    const gaveUp = new Promise((resolve) => {
      call.signal.addEventListener('abort', resolve);
    });
    if (this.#gate) await Promise.race([this.#gate.promise, gaveUp]);
    this.waiting -= 1;
    if (this.failure) throw this.failure;
    return answer(this.vendorData2, this.shortLivedTargets);
  }

  listTargets(): Promise<vendordata.ListTargetsResponse> {
    return notHere();
  }

  probeTarget(): Promise<vendordata.ProbeTargetResponse> {
    return notHere();
  }

  purge(): Promise<vendordata.PurgeResponse> {
    return notHere();
  }

  async *watchInvalidations(): AsyncGenerator<vendordata.WatchInvalidationsResponse, void> {
    yield await notHere();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.#server?.[Symbol.asyncDispose]();
  }
}

const answer = (text: string, shortLivedTargets: readonly string[] = []): vendordata.ResolveResponse => ({
  contributions: [],
  instanceId: '',
  document: Buffer.from(text),
  shortLivedTargets: [...shortLivedTargets],
});

const notHere = (): Promise<never> =>
  Promise.reject(unavailable('NOT_HERE', 'The instances service asks for documents only.'));
