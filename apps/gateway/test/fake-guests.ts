import { instances } from '@hallmark/contracts';
import { conflict, invalid, notFound } from '@hallmark/errors';
import { RpcServer, type Call } from '@hallmark/rpc';
import { testContext } from '@hallmark/runtime';
import { duration } from './fake-identity.ts';
import { FakeWatch } from './fake-watch.ts';

type Invalidated = Extract<instances.WatchInvalidationsResponse['event'], { $case: 'instanceInvalidated' }>;
export type GuestRecord = Omit<instances.GetMetadataResponse, 'reuse'>;

export const { MetadataEntry_Source: Source } = instances;

export const TEXT = 'text/plain; charset=UTF-8';
export const JSON_TYPE = 'application/json';
export const HTML = 'text/html; charset=UTF-8';

/** A document of a guest, where it lies. */
export interface GuestFile {
  readonly tree: 'openstack' | 'ec2';
  readonly version: string;
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly source?: instances.MetadataEntry_Source;
}

/** A record of these files; each version has a tree of its own. */
export function aRecord(id: string, projectId: string, files: readonly GuestFile[]): GuestRecord {
  const contents: Buffer[] = [Buffer.from('2012-08-10\nlatest'), Buffer.from('1.0\nlatest')];
  const trees: instances.MetadataTree[] = [];
  const versions = { openstack: new Map<string, number>(), ec2: new Map<string, number>() };
  for (const { tree, version, path, body = '', ...given } of files) {
    const index = versions[tree].get(version) ?? trees.push({ entries: [] }) - 1;
    versions[tree].set(version, index);
    trees[index]?.entries.push({
      path,
      source: given.source ?? Source.UNSPECIFIED,
      content: contents.push(Buffer.from(body)) - 1,
      contentType: given.contentType ?? TEXT,
    });
  }
  return {
    instanceId: id,
    projectId,
    contents,
    trees,
    openstackVersions: Object.fromEntries(versions.openstack),
    ec2Versions: Object.fromEntries(versions.ec2),
    openstackListing: 0,
    ec2Listing: 1,
    contentTree: { entries: [{ path: '0000', source: Source.UNSPECIFIED, content: 0, contentType: TEXT }] },
    vendordataRequest: Buffer.from(JSON.stringify({ 'instance-id': id, 'project-id': projectId })),
  };
}

/** The files of a small guest; every text in them says whose it is. */
export const filesOf = (owner: string): GuestFile[] =>
  (['2012-08-10', '2020-10-14', 'latest'] as const).flatMap((version): GuestFile[] => {
    const at = { tree: 'openstack', version } as const;
    return [
      { ...at, path: '', body: 'meta_data.json\nuser_data' },
      { ...at, path: 'version', body: 'meta_data.json\nuser_data' },
      { ...at, path: 'meta_data.json', body: `{"name": "${owner}"}`, contentType: JSON_TYPE },
      { ...at, path: 'user_data', body: `#!/bin/sh\necho ${owner}\n` },
      { ...at, path: 'network_data.json', body: '{}' },
      ...(version === '2012-08-10'
        ? []
        : [
            { ...at, path: 'password', source: Source.PASSWORD, contentType: HTML },
            { ...at, path: 'vendor_data.json', source: Source.VENDOR_DATA, contentType: JSON_TYPE },
            { ...at, path: 'vendor_data2.json', source: Source.VENDOR_DATA2, contentType: JSON_TYPE },
          ]),
      { tree: 'ec2', version, path: '', body: 'meta-data/\nuser-data' },
      { tree: 'ec2', version, path: 'user-data', body: `#!/bin/sh\necho ${owner}\n` },
      { tree: 'ec2', version, path: 'meta-data', body: 'hostname\nlocal-ipv4' },
      { tree: 'ec2', version, path: 'meta-data/hostname', body: `${owner}.novalocal` },
      { tree: 'ec2', version, path: 'meta-data/local-ipv4', source: Source.CALLER_ADDRESS },
    ];
  });

/** A small instances service, as guests' listeners know it: what it answers is what a test says. */
export class FakeGuests implements AsyncDisposable {
  readonly watch = new FakeWatch<Invalidated>();
  readonly records = new Map<string, GuestRecord>();
  readonly passwords = new Map<string, string>();
  /** Who is where: `ADDRESS PROVIDER`, or what is thrown instead. */
  readonly places = new Map<string, { instanceId: string; projectId: string } | Error>();
  readonly asked: { method: string; id: string; requestId: string }[] = [];
  ttlMs = 60_000;
  placeTtlMs = 10_000;
  /** Thrown instead of an answer. */
  failure: Error | undefined;
  /** Awaited before each answer. */
  gate: Promise<unknown> = Promise.resolve();
  /** Calls that their caller took back before there was an answer. */
  aborted = 0;
  address = '';
  readonly #server: RpcServer;

  private constructor(listen: string) {
    const { log, registry } = testContext('fake-instances');
    this.#server = new RpcServer({ app: 'instances', listen: [listen], log, registry });
    const notForGuests = () => Promise.reject(new Error('Not for guests.'));
    this.#server.add(instances.InstancesServiceService, {
      createInstance: notForGuests,
      getInstance: notForGuests,
      listInstances: notForGuests,
      updateMetadata: notForGuests,
      rebuildInstance: notForGuests,
      deleteInstance: notForGuests,
      openConfigDrive: notForGuests,
      getMetadata: async ({ id }, call) => this.#getMetadata(id, call),
      setPassword: async ({ id, password }, call) => this.#setPassword(id, password, call),
      findByAddress: async ({ providerId, address }, call) =>
        this.#findByAddress(`${address} ${providerId}`.trim(), call),
      watchInvalidations: (_request, { signal }) => this.watch.serve(signal),
    });
  }

  static async start(listen = '127.0.0.1:0'): Promise<FakeGuests> {
    const fake = new FakeGuests(listen);
    [fake.address = ''] = await fake.#server.listen();
    return fake;
  }

  countOf(method: string): number {
    return this.asked.filter((call) => call.method === method).length;
  }

  /** Changes a record without telling anybody. */
  change(id: string, files: readonly GuestFile[]): void {
    const { projectId } = this.#find(id);
    this.records.set(id, aRecord(id, projectId, files));
  }

  async #getMetadata(id: string, call: Call): Promise<instances.GetMetadataResponse> {
    const { version } = this.watch;
    await this.#begin('getMetadata', id, call);
    const record = this.#find(id);
    return {
      ...withPassword(record, this.passwords.get(record.instanceId)),
      reuse: { ttl: duration(this.ttlMs), version },
    };
  }

  async #setPassword(id: string, password: Buffer, call: Call): Promise<instances.SetPasswordResponse> {
    await this.#begin('setPassword', id, call);
    const { instanceId } = this.#find(id);
    if (this.passwords.has(instanceId)) throw conflict('PASSWORD_SET', 'There is a password.');
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(password);
    } catch {
      throw invalid('PASSWORD_INVALID', 'It is not UTF-8.');
    }
    if (password.length > 1_020) throw invalid('PASSWORD_INVALID', 'It is too long.');
    if (text !== '') this.passwords.set(instanceId, text);
    return {};
  }

  async #findByAddress(place: string, call: Call): Promise<instances.FindByAddressResponse> {
    await this.#begin('findByAddress', place, call);
    const found = this.places.get(place);
    if (found instanceof Error) throw found;
    if (!found) throw notFound('ADDRESS_UNKNOWN', 'No port has this address.');
    return { ...found, ttl: duration(this.placeTtlMs) };
  }

  async #begin(method: string, id: string, { requestId, signal }: Call): Promise<void> {
    this.asked.push({ method, id, requestId });
    const aborted = (): void => void (this.aborted += 1);
    signal.addEventListener('abort', aborted);
    await this.gate;
    signal.removeEventListener('abort', aborted);
    if (this.failure) throw this.failure;
  }

  /** As PostgreSQL finds a UUID: in any case. */
  #find(id: string): GuestRecord {
    const record = this.records.get(id.toLowerCase());
    if (!record) throw notFound('INSTANCE_UNKNOWN', 'There is no such instance.');
    return record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watch.breakAll();
    await this.#server[Symbol.asyncDispose]();
  }
}

function withPassword(record: GuestRecord, password: string | undefined): GuestRecord {
  if (password === undefined) return record;
  const content = record.contents.length;
  const trees = record.trees.map(({ entries }) => ({
    entries: entries.map((entry) => (entry.source === Source.PASSWORD ? { ...entry, content } : entry)),
  }));
  return { ...record, contents: [...record.contents, Buffer.from(password)], trees };
}
