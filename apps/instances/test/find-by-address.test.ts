import { describe, expect, test } from '@jest/globals';
import type { instances } from '@hallmark/contracts';
import { unavailable } from '@hallmark/errors';
import { startFakeNeutron, usePostgres, type FakeNeutron } from '@hallmark/testing';
import { call, House, PROJECT } from './house.ts';

const PROVIDER = '9a3c1c52-6b8e-4f0e-8d7e-0b6f5a2f7c11';
const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
const PORT = { networkId: 'net-1', address: '10.20.0.7', deviceId: ID, tenantId: PROJECT };
const FOUND = { instanceId: ID, projectId: PROJECT };

const pg = usePostgres();

/** The service and the Neutron that it asks. */
class Rooms implements AsyncDisposable {
  readonly neutron: FakeNeutron;
  readonly house: House;

  private constructor(neutron: FakeNeutron, house: House) {
    this.neutron = neutron;
    this.house = house;
  }

  static async open(options: { neutron?: FakeNeutron | undefined; ini?: string } = {}): Promise<Rooms> {
    await using open = new AsyncDisposableStack();
    const neutron = open.use(await startFakeNeutron());
    neutron.subnets.push({ networkId: 'net-1', providers: [PROVIDER] });
    neutron.ports.push(PORT);
    const house = await House.open({ database: pg.current.url, neutron, ...options });
    open.move();
    return new Rooms(neutron, house);
  }

  async find(address: string, providerId = ''): Promise<instances.FindByAddressResponse> {
    return await this.house.client.findByAddress({ address, providerId }, call());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.house[Symbol.asyncDispose]();
    await this.neutron[Symbol.asyncDispose]();
  }
}

describe('an address', () => {
  test('of a provider is looked for on its networks, with the questions that Nova asks', async () => {
    await using rooms = await Rooms.open();
    rooms.neutron.ports.push({ ...PORT, networkId: 'net-2', deviceId: 'another' });
    expect(await rooms.find(PORT.address, PROVIDER)).toMatchObject({ ...FOUND, ttl: { seconds: 15 } });
    expect(rooms.neutron.requests).toMatchObject([
      { path: `/v2.0/subnets?advanced_service_providers=${PROVIDER}&fields=network_id`, token: 'token-1' },
      {
        path: '/v2.0/ports?fixed_ips=ip_address%3D10.20.0.7&network_id=net-1&fields=device_id&fields=tenant_id',
        token: 'token-1',
      },
    ]);
  });

  test('without a provider is looked for everywhere', async () => {
    await using rooms = await Rooms.open();
    expect(await rooms.find(PORT.address)).toMatchObject(FOUND);
    expect(rooms.neutron.requests.map(({ path }) => path)).toEqual([
      '/v2.0/ports?fixed_ips=ip_address%3D10.20.0.7&fields=device_id&fields=tenant_id',
    ]);
  });

  test('is looked for on 160 networks a question', async () => {
    await using rooms = await Rooms.open();
    const { neutron } = rooms;
    for (let count = 0; count < 400; count += 1) {
      neutron.subnets.push({ networkId: `many-${count % 330}`, providers: ['many'] });
    }
    neutron.ports.push({ ...PORT, networkId: 'many-329' });
    expect(await rooms.find(PORT.address, 'many')).toMatchObject(FOUND);
    const asked = neutron.requests.slice(1).map(({ query }) => query.getAll('network_id'));
    expect(asked.map((networks) => networks.length)).toEqual([160, 160, 10]);
    expect(new Set(asked.flat()).size).toBe(330);
  });

  test('is found over the pages of a Neutron that gives pages', async () => {
    await using rooms = await Rooms.open();
    const { neutron } = rooms;
    neutron.pageSize = 2;
    for (let count = 0; count < 5; count += 1) {
      neutron.subnets.push({ networkId: `net-${count}`, providers: ['many'] });
    }
    neutron.ports.push({ ...PORT, networkId: 'net-4', address: '10.0.0.9' });
    expect(await rooms.find('10.0.0.9', 'many')).toMatchObject(FOUND);
  });

  test.each([
    [
      'a provider without subnets',
      '10.20.0.7',
      'nobody',
      'NO_SUBNETS',
      'Could not find any subnets for provider nobody',
    ],
    [
      'no port of the provider',
      '10.9.9.9',
      PROVIDER,
      'PORTS_AMBIGUOUS',
      `Expected a single port matching provider ${PROVIDER} and IP 10.9.9.9. Found 0.`,
    ],
    [
      'two ports of the provider',
      '10.20.0.8',
      PROVIDER,
      'PORTS_AMBIGUOUS',
      `Expected a single port matching provider ${PROVIDER} and IP 10.20.0.8. Found 2.`,
    ],
    [
      'two ports anywhere',
      '10.20.0.8',
      '',
      'PORTS_AMBIGUOUS',
      'Expected a single port matching IP 10.20.0.8. Found 2.',
    ],
    ['no port anywhere', '10.9.9.9', '', 'ADDRESS_UNKNOWN', 'There is no instance at 10.9.9.9.'],
    [
      'a port that nothing is plugged into',
      '10.20.0.1',
      '',
      'ADDRESS_UNKNOWN',
      'There is no instance at 10.20.0.1.',
    ],
    [
      'what is no address',
      '10.20.0.7&fields=x',
      '',
      'ADDRESS_UNKNOWN',
      'There is no instance at 10.20.0.7&fields=x.',
    ],
  ])('is not found: %s', async (_, address, provider, reason, message) => {
    await using rooms = await Rooms.open();
    rooms.neutron.ports.push(
      { ...PORT, address: '10.20.0.8' },
      { ...PORT, address: '10.20.0.8', deviceId: 'another' },
      { ...PORT, address: '10.20.0.1', deviceId: '' },
    );
    await expect(rooms.find(address, provider)).rejects.toMatchObject({ reason, message });
  });
});

describe('the service token', () => {
  test('is replaced once when Neutron refuses it', async () => {
    await using rooms = await Rooms.open();
    rooms.neutron.rejectedTokens.add('token-1');
    expect(await rooms.find(PORT.address)).toMatchObject(FOUND);
    expect(rooms.neutron.requests.map(({ token }) => token)).toEqual(['token-1', 'token-2']);
  });

  test('is not replaced without end', async () => {
    await using rooms = await Rooms.open();
    for (let number = 1; number < 9; number += 1) rooms.neutron.rejectedTokens.add(`token-${number}`);
    await expect(rooms.find(PORT.address)).rejects.toMatchObject({ reason: 'NEUTRON_UNAVAILABLE' });
    expect(rooms.neutron.requests).toHaveLength(2);
  });

  test('goes to no other host', async () => {
    await using elsewhere = await startFakeNeutron();
    await using rooms = await Rooms.open();
    rooms.neutron.failure = { status: 307, headers: { location: `${elsewhere.url}/v2.0/ports` } };
    await expect(rooms.find(PORT.address)).rejects.toMatchObject({ reason: 'NEUTRON_UNAVAILABLE' });
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('Neutron cannot be asked', () => {
  const expectUnavailable = async (rooms: Rooms): Promise<void> => {
    await expect(rooms.find(PORT.address)).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'NEUTRON_UNAVAILABLE',
    });
  };

  test('because it fails, and later it can', async () => {
    await using rooms = await Rooms.open();
    rooms.neutron.failure = { status: 500 };
    await expectUnavailable(rooms);
    rooms.neutron.failure = undefined;
    expect(await rooms.find(PORT.address)).toMatchObject(FOUND);
  });

  test('because it is gone', async () => {
    await using rooms = await Rooms.open();
    await rooms.neutron[Symbol.asyncDispose]();
    await expectUnavailable(rooms);
  });

  test('because it takes longer than it may', async () => {
    await using rooms = await Rooms.open({ ini: '[neutron]\ntimeout = 0.2\n' });
    rooms.neutron.isHanging = true;
    await expectUnavailable(rooms);
  });

  test('because there is no service token', async () => {
    await using rooms = await Rooms.open();
    rooms.house.identity.hasLogin = false;
    await expectUnavailable(rooms);
    rooms.house.identity.hasLogin = true;
    rooms.house.identity.failure = unavailable('KEYSTONE_UNAVAILABLE', 'Keystone is down.');
    await expectUnavailable(rooms);
    expect(rooms.neutron.requests).toEqual([]);
  });

  test('because nobody said where it is', async () => {
    await using rooms = await Rooms.open({ neutron: undefined });
    await expectUnavailable(rooms);
  });
});

test.each(['/', '/v2.0', '/v2.0/'])('the endpoint may end in %s', async (end) => {
  await using rooms = await Rooms.open();
  await rooms.house.reload(`[neutron]\nendpoint_override = ${rooms.neutron.url}${end}\n`);
  expect(await rooms.find(PORT.address)).toMatchObject(FOUND);
});

test.each(['endpoint_override = neutron:9696', 'cafile = /nowhere/ca.pem'])(
  'does not start with %s',
  async (line) => {
    await expect(Rooms.open({ ini: `[neutron]\n${line}\n` })).rejects.toThrow('[neutron]');
  },
);
