import { createHmac } from 'node:crypto';
import { vendordata } from '@hallmark/contracts';
import { parseConfig } from '@hallmark/runtime';
import { waitFor, type Relay } from '@hallmark/testing';
import { aRecord, FakeGuests, filesOf } from './fake-guests.ts';
import { House, wireTo } from './house.ts';
import { RawConnection, type RawReply } from './raw.ts';

export const SECRET = 's3cr3t';
export const WEB = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
export const DB = '5b1c2d3e-4f50-4a61-8b72-9c83ad94be05';
export const OTHER = 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2';
export const PROJECT = '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90';
export const OTHER_PROJECT = 'b1c0ec969e3a4133bea1e08f2c92ec8d';

export const signatureOf = (id: string, secret = SECRET): string =>
  createHmac('sha256', secret).update(id).digest('hex');

/** Names and values in turn: a test says each byte, and may say a name twice. */
export type Lines = readonly (readonly [string, string])[];

/** Headers by name; one that is undefined is left out. */
export type Said = Readonly<Record<string, string | undefined>>;

export const linesOf = (said: Said): Lines =>
  Object.entries(said).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));

/** What Neutron's proxy says of a guest. */
export const proxied = (id: string = WEB, given: Said = {}): Lines =>
  linesOf({
    'X-Forwarded-For': '10.1.0.7',
    'X-Instance-ID': id,
    'X-Tenant-ID': PROJECT,
    'X-Instance-ID-Signature': signatureOf(id),
    ...given,
  });

/** The network that a load balancer says it stands for. */
export const PROVIDER = '9a3c1c52-6b8e-4f0e-8d7e-0b6f5a2f7c11';

/** What a load balancer says of a guest. */
export const balanced = (address: string): Lines =>
  linesOf({
    'X-Metadata-Provider': PROVIDER,
    'X-Metadata-Provider-Signature': signatureOf(PROVIDER),
    'X-Forwarded-For': address,
  });

export interface GuestRequest {
  readonly method?: string;
  readonly path?: string;
  /** All headers but Host; those of the proxy for the first instance unless given. */
  readonly lines?: Lines;
  /** More headers. */
  readonly more?: Lines;
  readonly body?: string | Buffer;
}

export interface GuestReply extends RawReply {
  /** Lines of the head in their order, without those that depend on the moment. */
  readonly head: readonly string[];
}

/** `ini` of a gateway with the listener for guests. */
const withGuests = ({ host, port }: Relay, ini: string): string => `
[rpc]
instances_endpoints = ${host}:${port}
[gateway_nova]
listen = 127.0.0.1:0
[gateway_guest]
listen = 127.0.0.1:0
[neutron]
service_metadata_proxy = true
metadata_proxy_shared_secret = ${SECRET}
${ini}
`;

/** The gateway with guests in front of it: two instances of one project, and one of another. */
export class GuestHouse implements AsyncDisposable {
  readonly house: House;
  readonly guests: FakeGuests;
  /** Between the two. */
  readonly wire: Relay;
  readonly #ini: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    { house, guests, wire, ini }: { house: House; guests: FakeGuests; wire: Relay; ini: string },
    stack: AsyncDisposableStack,
  ) {
    this.house = house;
    this.guests = guests;
    this.wire = wire;
    this.#ini = ini;
    this.#stack = stack;
  }

  static async open({
    ini = '',
    clock,
  }: { ini?: string; clock?: { nowMs: number } } = {}): Promise<GuestHouse> {
    await using opening = new AsyncDisposableStack();
    const guests = opening.use(await FakeGuests.start());
    guests.records.set(WEB, aRecord(WEB, PROJECT, filesOf('web')));
    guests.records.set(DB, aRecord(DB, PROJECT, filesOf('db')));
    guests.records.set(OTHER, aRecord(OTHER, OTHER_PROJECT, filesOf('other')));
    const wire = opening.use(await wireTo(guests.address));
    const house = opening.use(await House.open({ ini: withGuests(wire, ini), ...(clock && { clock }) }));
    const { documents } = house.vendordata;
    documents.set(vendordata.ResolveRequest_Document.VENDOR_DATA, '{"static": 1}');
    documents.set(
      vendordata.ResolveRequest_Document.VENDOR_DATA2,
      '{"static": {"static": 1}, "rack": {"row": 7}}',
    );
    return new GuestHouse({ house, guests, wire, ini }, opening.move());
  }

  get address(): string {
    return this.house.gateway.addresses['guest']?.[0] ?? '';
  }

  /** Reads the same configuration again, as on SIGHUP, with the files that it names. */
  async reload(): Promise<void> {
    await this.house.gateway.reload?.(parseConfig(withGuests(this.wire, this.#ini)));
  }

  async get(path: string, lines: Lines = proxied()): Promise<GuestReply> {
    return this.ask({ path, lines });
  }

  async ask(request: GuestRequest = {}): Promise<GuestReply> {
    using connection = await RawConnection.open(this.address);
    connection.send(bytesOf(request));
    return shown(await connection.reply(request.method === 'HEAD'));
  }

  /** Changes a record, tells of it, and waits until the gateway has heard. */
  async change(id: string, owner: string): Promise<void> {
    this.guests.change(id, filesOf(owner));
    await this.invalidate(id);
  }

  async invalidate(instanceId: string): Promise<void> {
    const series = 'hallmark_gateway_invalidations_total{service="instances"}';
    const before = await this.house.metric(series);
    this.guests.watch.emit({ $case: 'instanceInvalidated', value: { instanceId } });
    await waitFor('the gateway to hear', async () => (await this.house.metric(series)) > before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export function bytesOf({
  method = 'GET',
  path = '/',
  lines = proxied(),
  more = [],
  body,
}: GuestRequest): Buffer {
  const length: Lines = body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))]];
  const head = [['Host', 'metadata'], ...lines, ...more, ...length].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  // As Latin-1, so that a test can send any byte.
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n`, 'latin1'),
    Buffer.from(body ?? ''),
  ]);
}

const OF_THE_MOMENT = /^(?:date|connection|keep-alive|x-openstack-request-id|etag):/i;

export const shown = (reply: RawReply): GuestReply => ({
  ...reply,
  head: [...reply.lines].filter((line) => !OF_THE_MOMENT.test(line)),
});
