import { waitFor, type Relay } from '@hallmark/testing';
import { aCaller } from './fake-identity.ts';
import { FakeBoots } from './fake-boots.ts';
import { House, wireTo, type Reply } from './house.ts';

export const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
export const OTHER_ID = '3be914e9-f5ab-44ce-b2a2-dcf8373d899d';

export const ALICE = 'gAAAAABalice';
export const READER = 'gAAAAABreader';
export const BOB = 'gAAAAABbob';
export const ADMIN = 'gAAAAABadmin';
export const SYSTEM_READER = 'gAAAAABsystem';
export const UNSCOPED = 'gAAAAABunscoped';
export const NOBODY = 'gAAAAABnobody';

/** An answer with its JSON read. */
export interface BootReply extends Reply {
  readonly json: Record<string, unknown>;
}

export interface BootRequest {
  readonly method?: string;
  readonly path?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, or what becomes JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The gateway with an instances service behind it. */
export class BootHouse implements AsyncDisposable {
  readonly house: House;
  readonly boots: FakeBoots;
  /** Between the two, but for config drives. */
  readonly wire: Relay;
  readonly #stack: AsyncDisposableStack;

  private constructor(house: House, boots: FakeBoots, wire: Relay, stack: AsyncDisposableStack) {
    this.house = house;
    this.boots = boots;
    this.wire = wire;
    this.#stack = stack;
  }

  static async open({ ini = '' }: { ini?: string } = {}): Promise<BootHouse> {
    await using opening = new AsyncDisposableStack();
    const boots = opening.use(await FakeBoots.start());
    const wire = opening.use(await wireTo(boots.address));
    const endpoints = `instances_endpoints = ${wire.host}:${wire.port}\ninstances_data_endpoints = ${boots.dataAddress}`;
    const house = opening.use(await House.open({ ini: `[rpc]\n${endpoints}\n${ini}` }));
    const { callers } = house.identity;
    const alice = { userId: 'alice-id', userName: 'alice', projectId: 'p1' };
    callers.set(ALICE, aCaller({ ...alice, roles: ['Member', 'a,b', 'reader'] }));
    callers.set(READER, aCaller({ ...alice, roles: ['reader'] }));
    callers.set(BOB, aCaller({ userId: 'bob-id', projectId: 'p2', roles: ['member'] }));
    callers.set(ADMIN, aCaller({ userId: 'root-id', projectId: 'p0', roles: ['admin'] }));
    callers.set(SYSTEM_READER, aCaller({ projectId: '', systemScope: true, roles: ['reader'] }));
    callers.set(UNSCOPED, aCaller({ projectId: '', roles: ['member'] }));
    callers.set(NOBODY, aCaller({ ...alice, roles: ['heat_stack_user'] }));
    return new BootHouse(house, boots, wire, opening.move());
  }

  /** A request of the boot API: `POST /v1/instances` where nothing else is given. */
  async ask(request: BootRequest = {}): Promise<BootReply> {
    const { method = 'POST', path = '/v1/instances', token = ALICE, body, headers = {}, signal } = request;
    const takesBody = method === 'POST' || method === 'PUT';
    const text = typeof body === 'string' ? body : JSON.stringify(body ?? { name: 'mail-1' });
    const reply = await this.house.post({
      method,
      path,
      token,
      headers,
      ...(takesBody ? { body: text } : {}),
      ...(signal ? { signal } : {}),
    });
    return { ...reply, json: readJson(reply) };
  }

  /** The newest line about a request. */
  get lastLine(): Record<string, unknown> {
    return this.house.requests.at(-1) ?? {};
  }

  async someoneWaits(): Promise<void> {
    await waitFor('somebody to wait', () => this.boots.waiting === 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function readJson({ headers, body }: Reply): Record<string, unknown> {
  if (headers['content-type'] !== 'application/json' || body === '') return {};
  return JSON.parse(body) as Record<string, unknown>;
}

/** The word and the faults of a failed request. */
export function errorOf({ json }: BootReply) {
  return json['error'] as {
    code: number;
    title: string;
    message: string;
    reason: string;
    faults?: { pointer: string; message: string }[];
  };
}
