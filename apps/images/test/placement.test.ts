import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { images } from '@hallmark/contracts';
import { usePostgres } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { admin, alice, call, dave, failure } from './house.ts';

// The use case whole: users' images land on the users' hosts, operators' images on the others.

const postgres = usePostgres();
let bytes: BytesHouse;
const ids = { users: '', operators: '', uploaded: '' };

const TRAIT = 'trait:CUSTOM_USER_IMAGES';

beforeAll(async () => {
  bytes = await BytesHouse.open({
    database: await postgres.current.createDatabase(),
    ini: `[inject_metadata_properties]\ninject = {"${TRAIT}": "required", "origin": "users"}\n`,
  });
  ids.users = await imported(alice);
  ids.operators = await imported(admin);
  ids.uploaded = await bytes.house.createId(BARE_RAW);
  await bytes.upload(ids.uploaded, Buffer.from('by PUT file'));
});
afterAll(() => bytes[Symbol.asyncDispose]());

async function imported(caller: images.Caller): Promise<string> {
  const id = await bytes.house.createId({ ...BARE_RAW, visibility: 'private' }, caller);
  await bytes.stage(id, Buffer.from('an image'), caller);
  await bytes.imported(id, { method: { name: 'glance-direct' } }, caller);
  return id;
}

const QEMU = { architecture: 'x86_64', hypervisorType: 'qemu', vmMode: 'hvm' };
const HOSTS = [
  { name: 'users-1', traits: ['CUSTOM_USER_IMAGES'], supportedInstances: [QEMU], hypervisorVersion: '6.2.0' },
  { name: 'users-2', traits: ['CUSTOM_USER_IMAGES'], supportedInstances: [QEMU], hypervisorVersion: '6.2.0' },
  { name: 'ops-1', traits: [], supportedInstances: [QEMU], hypervisorVersion: '6.2.0' },
  { name: 'ops-2', traits: [], supportedInstances: [QEMU], hypervisorVersion: '6.2.0' },
];
const AGGREGATES = [
  { name: 'for-users', hosts: ['users-1', 'users-2'], metadata: { [TRAIT]: 'required' } },
  { name: 'for-operators', hosts: ['ops-1', 'ops-2'], metadata: { origin: 'operators' } },
];
const SWITCHES = { isolatedAggregates: true };

async function explained(
  more: Parameters<typeof images.ExplainPlacementRequest.fromPartial>[0],
): Promise<images.ExplainPlacementResponse> {
  const request = { caller: admin, hosts: HOSTS, aggregates: AGGREGATES, switches: SWITCHES, ...more };
  return await bytes.house.client.explainPlacement(
    images.ExplainPlacementRequest.fromPartial(request),
    call(),
  );
}

const possible = ({ hosts }: images.ExplainPlacementResponse): string =>
  hosts
    .filter((verdict) => verdict.possible)
    .map(({ host }) => host)
    .join(' ');

const why = ({ hosts }: images.ExplainPlacementResponse, name: string): string[] =>
  hosts
    .filter(({ host }) => host === name)
    .flatMap(({ reasons }) => reasons.map(({ rule, refuses, message }) => `${rule} ${refuses}: ${message}`));

describe('ExplainPlacement', () => {
  test("an image that a user imported lands on the users' hosts only", async () => {
    const explanation = await explained({ imageId: ids.users });
    expect(possible(explanation)).toBe('users-1 users-2');
    expect(why(explanation, 'users-1')).toEqual([]);
    expect(why(explanation, 'ops-1')).toEqual([
      'TRAIT_MISSING true: It lacks the trait CUSTOM_USER_IMAGES, which the image requires.',
    ]);
    expect(explanation.remarks.map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
      'PROPERTY_IGNORED: origin=users is injected, but no scheduler of Nova reads it.',
      `PROPERTY_INJECTED: ${TRAIT} is injected; only users with a role of ignore_user_roles may change it.` +
        ' Images that come by PUT file, as snapshots and uploaded volumes do, go without it.',
    ]);
  });

  test('an image that an operator imported lands on the other hosts only', async () => {
    const explanation = await explained({ imageId: ids.operators });
    expect(possible(explanation)).toBe('ops-1 ops-2');
    expect(why(explanation, 'users-2')).toEqual([
      `AGGREGATE_ISOLATED true: Its aggregate for-users has ${TRAIT}=required, and neither image nor flavor requires that trait.`,
    ]);
  });

  test('an image that a user uploaded has no mark, and lands among the operators', async () => {
    expect(possible(await explained({ imageId: ids.uploaded }))).toBe('ops-1 ops-2');
  });

  test('without the isolation of aggregates, unmarked images land anywhere', async () => {
    const switches = { isolatedAggregates: false };
    expect(possible(await explained({ imageId: ids.operators, switches }))).toBe(
      'users-1 users-2 ops-1 ops-2',
    );
    expect(possible(await explained({ imageId: ids.users, switches }))).toBe('users-1 users-2');
  });

  test('an aggregate with a property that Nova does not know restricts nothing, and says so', async () => {
    const switches = { ...SWITCHES, aggregateImagePropertiesIsolation: true };
    const explanation = await explained({ imageId: ids.operators, switches });
    expect(possible(explanation)).toBe('ops-1 ops-2');
    expect(why(explanation, 'ops-1')).toEqual([
      'PROPERTY_IGNORED false: origin=operators of aggregate for-operators restricts nothing: Nova does not know this image property.',
    ]);
  });

  test('a flavor counts, and so does what else is asked for', async () => {
    const flavorExtraSpecs = { [TRAIT]: 'forbidden' };
    const nowhere = await explained({ imageId: ids.users, flavorExtraSpecs });
    expect(possible(nowhere)).toBe('');
    expect(why(nowhere, 'users-1')).toEqual([
      'TRAIT_FORBIDDEN true: It has the trait CUSTOM_USER_IMAGES, which the flavor forbids.',
    ]);
    const properties = { hw_architecture: 'aarch64', hypervisor_version_requires: '>=7' };
    const asked = await explained({ properties });
    expect(why(asked, 'ops-1')).toEqual([
      'INSTANCE_TYPE_UNSUPPORTED true: It runs no instance of aarch64, as the image asks.',
      'HYPERVISOR_VERSION_MISMATCH true: Its hypervisor has version 6.2.0, and the image asks for >=7.',
    ]);
  });

  test('is asked of hosts that can be told apart', async () => {
    const twice = [...HOSTS, ...HOSTS.slice(0, 1)];
    expect(await failure(explained({ imageId: ids.users, hosts: twice }))).toBe(
      'invalid PLACEMENT_INVALID Every host needs a name of its own.',
    );
  });

  test('is for those who may see the image', async () => {
    expect(await failure(explained({ imageId: ids.users, caller: dave }))).toMatch(
      /^not-found IMAGE_UNKNOWN/,
    );
    expect(possible(await explained({ imageId: ids.users, caller: alice }))).toBe('users-1 users-2');
  });
});
