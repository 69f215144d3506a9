import { randomUUID } from 'node:crypto';
import { instances } from '@hallmark/contracts';
import { conflict, notFound, notReady } from '@hallmark/errors';
import { DataServer, RpcServer, type Call } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';
import { FakeWatch } from './fake-watch.ts';

type Invalidated = Extract<instances.WatchInvalidationsResponse['event'], { $case: 'instanceInvalidated' }>;

const { InstanceStatus } = instances;

/** A drive: how its bytes come, and what is announced of them. */
export interface FakeDrive {
  readonly about: instances.ConfigDrive;
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

/** A small instances service: it keeps boots, and builds them when a test says so. */
export class FakeBoots implements AsyncDisposable {
  readonly watch = new FakeWatch<Invalidated>();
  readonly records = new Map<string, instances.Instance>();
  readonly created: instances.CreateInstanceRequest[] = [];
  readonly rebuilt: instances.RebuildInstanceRequest[] = [];
  readonly listed: instances.ListInstancesRequest[] = [];
  readonly calls: { method: string; requestId: string; remainingMs: number }[] = [];
  /** Whether a boot is built before it is answered. */
  buildsAtOnce = false;
  /** Thrown instead of an answer. */
  failure: Error | undefined;
  drive: FakeDrive | undefined;
  /** Whether tickets are forgotten as soon as they are given. */
  losesTickets = false;
  /** Transfers that their reader took back. */
  abandoned = 0;
  address = '';
  dataAddress = '';
  readonly #server: RpcServer;
  readonly #data: DataServer;
  readonly #keys = new Map<string, { request: string; id: string }>();
  readonly #tickets = new Set<string>();
  readonly #waiting = new Set<() => void>();

  private constructor() {
    const { log, registry } = testContext('fake-instances');
    this.#server = new RpcServer({ app: 'instances', listen: ['127.0.0.1:0'], log, registry });
    const notForTheBootApi = () => Promise.reject(new Error('Not for the boot API.'));
    const about =
      <Request, Response>(method: string, answer: (request: Request) => Response | Promise<Response>) =>
      async (request: Request, call: Call): Promise<Response> => {
        this.calls.push({ method, requestId: call.requestId, remainingMs: call.remainingMs() });
        if (this.failure) throw this.failure;
        return answer(request);
      };
    this.#server.add(instances.InstancesServiceService, {
      createInstance: about('create', (request: instances.CreateInstanceRequest) => this.#create(request)),
      getInstance: about('get', async (request: instances.GetInstanceRequest) => this.#get(request)),
      listInstances: about('list', (request: instances.ListInstancesRequest) => this.#list(request)),
      updateMetadata: about('metadata', ({ id, projectId, metadata }: instances.UpdateMetadataRequest) => {
        const found = this.#find(id, projectId);
        return { instance: this.keep({ ...found, boot: { ...bootOf(found), metadata } }) };
      }),
      rebuildInstance: about('rebuild', (request: instances.RebuildInstanceRequest) =>
        this.#rebuild(request),
      ),
      deleteInstance: about('delete', ({ id, projectId }: instances.DeleteInstanceRequest) => {
        this.records.delete(this.#find(id, projectId).id);
        return {};
      }),
      openConfigDrive: about('open', ({ id, projectId }: instances.OpenConfigDriveRequest) => {
        this.#find(id, projectId);
        if (!this.drive) throw notFound('NO_CONFIG_DRIVE', 'This instance has no config drive.');
        const ticket = randomUUID();
        if (!this.losesTickets) this.#tickets.add(ticket);
        return { ticket, configDrive: this.drive.about };
      }),
      getMetadata: notForTheBootApi,
      setPassword: notForTheBootApi,
      findByAddress: notForTheBootApi,
      watchInvalidations: (_request, { signal }) => this.watch.serve(signal),
    });
    this.#data = new DataServer({ app: 'instances', listen: ['127.0.0.1:0'], log, registry });
    this.#data.route('GET', 'config-drives', ({ ticket, signal }) => {
      if (!this.#tickets.delete(ticket)) throw notFound('TICKET_UNKNOWN', 'The ticket is no longer good.');
      signal.addEventListener('abort', () => (this.abandoned += 1));
      const bytes = this.drive?.bytes();
      if (!bytes) throw notFound('TICKET_UNKNOWN', 'The drive is gone.');
      return Promise.resolve({ headers: { 'content-type': 'application/octet-stream' }, body: bytes });
    });
  }

  static async start(): Promise<FakeBoots> {
    const fake = new FakeBoots();
    [fake.address = ''] = await fake.#server.listen();
    [fake.dataAddress = ''] = await fake.#data.listen();
    return fake;
  }

  /** As after a start. */
  reset(): void {
    this.records.clear();
    this.created.length = 0;
    this.calls.length = 0;
    this.failure = undefined;
    this.buildsAtOnce = false;
  }

  /** Ends a build, and with it the waiting for it. */
  finish(id: string, given: Partial<instances.Instance> = { status: InstanceStatus.ACTIVE }): void {
    const found = this.records.get(id);
    if (found) this.keep({ ...found, ...given });
    for (const wake of this.#waiting) wake();
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  keep(instance: instances.Instance): instances.Instance {
    this.records.set(instance.id, instance);
    return instance;
  }

  #create(request: instances.CreateInstanceRequest): instances.CreateInstanceResponse {
    this.created.push(request);
    const { boot, projectId, userId, bootRoles, idempotencyKey } = request;
    if (!boot) throw new Error('A boot without boot.');
    const text = JSON.stringify({ boot, projectId, userId });
    const before = this.#keys.get(`${projectId} ${idempotencyKey}`);
    if (before && before.request !== text) {
      throw conflict('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another request.');
    }
    if (before) return { instance: this.#find(before.id, projectId) };
    const id = boot.id || randomUUID();
    if (this.records.has(id)) throw conflict('INSTANCE_EXISTS', `The id ${id} is taken.`);
    this.#keys.set(`${projectId} ${idempotencyKey}`, { request: text, id });
    const status = this.buildsAtOnce ? InstanceStatus.ACTIVE : InstanceStatus.BUILD;
    return {
      instance: this.keep(anInstance({ id, projectId, userId, bootRoles, status, boot: shown(boot) })),
    };
  }

  async #get({ id, projectId, wait }: instances.GetInstanceRequest): Promise<instances.GetInstanceResponse> {
    const found = this.#find(id, projectId);
    if (wait && found.status === InstanceStatus.BUILD) {
      const woken = Promise.withResolvers<undefined>();
      const wake = (): void => woken.resolve(undefined);
      const timer = setTimeout(wake, wait.seconds * 1_000);
      this.#waiting.add(wake);
      await woken.promise;
      this.#waiting.delete(wake);
      clearTimeout(timer);
    }
    return { instance: this.#find(id, projectId) };
  }

  #list(request: instances.ListInstancesRequest): instances.ListInstancesResponse {
    this.listed.push(request);
    const { projectId, marker, limit, status } = request;
    const all = [...this.records.values()]
      .filter((record) => projectId === '' || record.projectId === projectId)
      .filter((record) => status === InstanceStatus.UNSPECIFIED || record.status === status)
      .toReversed();
    const after = marker === '' ? 0 : all.findIndex(({ id }) => id === marker) + 1;
    return { instances: all.slice(after, after + limit), more: all.length > after + limit };
  }

  #rebuild(request: instances.RebuildInstanceRequest): instances.RebuildInstanceResponse {
    this.rebuilt.push(request);
    const found = this.#find(request.id, request.projectId);
    if (found.status === InstanceStatus.BUILD) throw notReady('INSTANCE_BUSY', 'It is being built.');
    const boot = { ...bootOf(found), imageId: request.imageId };
    return { instance: this.keep({ ...found, boot, status: InstanceStatus.BUILD }) };
  }

  #find(id: string, projectId: string): instances.Instance {
    const found = this.records.get(id);
    if (!found || (projectId !== '' && found.projectId !== projectId)) {
      throw notFound('INSTANCE_UNKNOWN', 'There is no such instance.');
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watch.breakAll();
    for (const wake of this.#waiting) wake();
    await this.#server[Symbol.asyncDispose]();
    await this.#data[Symbol.asyncDispose]();
  }
}

/** As the service gives a boot back: without what only the guest may read. */
const shown = (boot: instances.Boot): instances.Boot => ({
  ...boot,
  userData: undefined,
  adminPass: '',
  personality: [],
});

function bootOf({ boot }: instances.Instance): instances.Boot {
  if (!boot) throw new Error('A record without its boot.');
  return boot;
}

/** An instance, where only what matters is given. */
export const anInstance = (given: Partial<instances.Instance> = {}): instances.Instance => ({
  id: randomUUID(),
  projectId: 'p1',
  userId: 'alice-id',
  boot: aBoot(),
  hostname: 'mail-1',
  status: InstanceStatus.ACTIVE,
  fault: undefined,
  bootRoles: ['member'],
  configDrive: undefined,
  createdAt: new Date('2026-11-01T10:00:00.000Z'),
  updatedAt: new Date('2026-11-01T10:00:01.000Z'),
  ...given,
});

export const aBoot = (given: Partial<instances.Boot> = {}): instances.Boot => ({
  id: '',
  name: 'mail-1',
  hostname: '',
  imageId: '',
  kernelId: '',
  ramdiskId: '',
  flavor: '',
  availabilityZone: undefined,
  launchIndex: 0,
  reservationId: 'r-0abcdef1',
  userData: undefined,
  metadata: [],
  keypair: undefined,
  networkData: Buffer.alloc(0),
  devices: Buffer.alloc(0),
  dedicatedCpus: [],
  securityGroups: [],
  fixedIpv4: '',
  floatingIpv4: '',
  rootDevice: '',
  blockDevices: [],
  personality: [],
  adminPass: '',
  configDrive: false,
  ...given,
});
