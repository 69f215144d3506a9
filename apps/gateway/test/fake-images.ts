import { randomUUID } from 'node:crypto';
import { images } from '@hallmark/contracts';
import { notFound } from '@hallmark/errors';
import { DataServer, RpcServer, type Call, type DataReply, type Transfer } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';

export const IMAGE = 'c188ccaf-1e37-4f1b-a560-14d15bdd515b';
export const TASK = '7e2f9a44-58a1-4f0c-9d2b-1f0a6f0c2b11';

/** A call as the service got it. */
export interface ImagesCall {
  readonly method: string;
  readonly request: Record<string, unknown>;
  readonly requestId: string;
  readonly remainingMs: number;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** An image, as the service tells it. */
export const anImage = (given: Partial<images.Image> = {}): images.Image => ({
  json: Buffer.from(`{"name": "a1", "id": "${IMAGE}"}`),
  id: IMAGE,
  status: 'queued',
  size: undefined,
  checksum: '',
  stores: [],
  ...given,
});

/** A small images service: what it was asked is kept, and it answers as a test says. */
export class FakeImages implements AsyncDisposable {
  readonly calls: ImagesCall[] = [];
  /** Thrown instead of an answer, by the method. */
  readonly failures = new Map<string, Error>();
  created: Omit<images.CreateImageResponse, 'image'> = {
    importMethods: ['glance-direct', 'web-download', 'copy-image'],
    storeIds: ['fast', 'slow'],
    ignoredProperties: [],
  };
  download: Omit<images.PrepareDownloadResponse, 'ticket'> & { bytes: () => AsyncIterable<Uint8Array> } = {
    length: 0,
    contentRange: '',
    checksum: '',
    bytes: async function* () {
      // Of no image at all there is nothing.
    },
  };
  hasData = true;
  /** What becomes of a body that is sent. */
  receive: (transfer: Transfer) => Promise<void> = async ({ body }) => {
    for await (const chunk of body as AsyncIterable<Buffer>) this.received.push(chunk);
  };
  readonly received: Buffer[] = [];
  readonly transfers: { kind: string; headers: Transfer['headers']; requestId: string }[] = [];
  /** Transfers that their sender or reader took back. */
  abandoned = 0;
  /** Whether tickets are forgotten as soon as they are given. */
  losesTickets = false;
  address = '';
  dataAddress = '';
  readonly #server: RpcServer;
  readonly #data: DataServer;
  readonly #tickets = new Set<string>();

  private constructor() {
    const { log, registry } = testContext('fake-images');
    this.#server = new RpcServer({ app: 'images', listen: ['127.0.0.1:0'], log, registry });
    const told =
      <Request extends object, Response>(method: string, answer: (request: Request) => Response) =>
      async (request: Request, call: Call): Promise<Response> => {
        const { requestId } = call;
        this.calls.push({
          method,
          request: Object.fromEntries(Object.entries(request)),
          requestId,
          remainingMs: call.remainingMs(),
        });
        const failure = this.failures.get(method);
        if (failure) throw failure;
        return Promise.resolve(answer(request));
      };
    const done = (method: string) => told(method, () => ({}));
    const document = (method: string) => told(method, () => ({ json: json({ document: method }) }));
    const ticket = (method: string) => told(method, () => ({ ticket: this.#issue() }));
    this.#server.add(images.ImagesServiceService, {
      getVersions: told('getVersions', ({ applicationUrl }: images.GetVersionsRequest) => ({
        json: json({ versions: [{ id: 'v2.15', links: [{ rel: 'self', href: `${applicationUrl}/v2/` }] }] }),
        minors: ['2.15', '2.0'],
      })),
      createImage: told('createImage', () => ({ image: anImage(), ...this.created })),
      getImage: told('getImage', () => ({ image: anImage() })),
      listImages: told('listImages', () => ({ json: json({ images: [] }), count: 0 })),
      updateImage: told('updateImage', () => ({ image: anImage() })),
      deleteImage: done('deleteImage'),
      deactivateImage: done('deactivateImage'),
      reactivateImage: done('reactivateImage'),
      addTag: done('addTag'),
      removeTag: done('removeTag'),
      listMembers: document('listMembers'),
      getMember: document('getMember'),
      createMember: document('createMember'),
      updateMember: document('updateMember'),
      deleteMember: done('deleteMember'),
      getSchema: document('getSchema'),
      getImportInfo: document('getImportInfo'),
      listStores: document('listStores'),
      getUsage: document('getUsage'),
      deleteFromStore: done('deleteFromStore'),
      prepareUpload: ticket('prepareUpload'),
      prepareStage: ticket('prepareStage'),
      prepareDownload: told('prepareDownload', () => {
        const { length, contentRange, checksum } = this.download;
        return { ticket: this.hasData ? this.#issue() : '', length, contentRange, checksum };
      }),
      importImage: told('importImage', () => ({ taskId: TASK })),
      listImageTasks: document('listImageTasks'),
      getTask: told('getTask', () => ({ json: json({ document: 'getTask' }), task: undefined })),
      listTasks: document('listTasks'),
      cancelTask: told('cancelTask', () => ({
        task: {
          id: TASK,
          status: 'failure',
          reason: 'CANCELLED',
          bytesDone: 7,
          bytesTotal: undefined,
          injection: undefined,
        },
      })),
      explainPlacement: () => Promise.reject(new Error('Not for the gateway.')),
    });
    this.#data = new DataServer({ app: 'images', listen: ['127.0.0.1:0'], log, registry });
    const transferred =
      (kind: string, serve: (transfer: Transfer) => Promise<DataReply>) =>
      async (transfer: Transfer): Promise<DataReply> => {
        this.transfers.push({ kind, headers: transfer.headers, requestId: transfer.requestId });
        transfer.signal.addEventListener('abort', () => (this.abandoned += 1));
        if (!this.#tickets.delete(transfer.ticket)) {
          throw notFound('TICKET_UNKNOWN', 'The ticket is no longer good.');
        }
        return serve(transfer);
      };
    const taking = async (transfer: Transfer): Promise<DataReply> => {
      await this.receive(transfer);
      return { status: 204, headers: {}, body: [] };
    };
    this.#data.route('PUT', 'uploads', transferred('uploads', taking));
    this.#data.route('PUT', 'stages', transferred('stages', taking));
    this.#data.route(
      'GET',
      'downloads',
      transferred('downloads', () =>
        Promise.resolve({
          headers: { 'content-length': String(this.download.length) },
          body: this.download.bytes(),
        }),
      ),
    );
  }

  static async start(): Promise<FakeImages> {
    const fake = new FakeImages();
    [fake.address = ''] = await fake.#server.listen();
    [fake.dataAddress = ''] = await fake.#data.listen();
    return fake;
  }

  /** Forgets what was, for the next test. */
  reset(): void {
    this.calls.length = 0;
    this.failures.clear();
    this.received.length = 0;
    this.transfers.length = 0;
    this.abandoned = 0;
    this.losesTickets = false;
    this.hasData = true;
  }

  /** The last call of a method. */
  call(method: string): ImagesCall | undefined {
    return this.calls.findLast((call) => call.method === method);
  }

  #issue(): string {
    const ticket = randomUUID();
    if (!this.losesTickets) this.#tickets.add(ticket);
    return ticket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#data[Symbol.asyncDispose]();
  }
}
