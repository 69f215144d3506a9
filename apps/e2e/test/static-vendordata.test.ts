import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startFakeKeystone, usePostgres, waitFor, type FakeKeystone } from '@hallmark/testing';
import { House, keystoneConfig } from './house.ts';
import { NEUTRON_CONFIG, neutronHeaders, type Guest } from './neutron.ts';

jest.setTimeout(300_000);

const DOCUMENT = '/openstack/latest/vendor_data.json';
const GATEWAYS = [0, 1];
/** Enough that each gateway has asked, and each worker of each replica has answered. */
const READS = 40;

const postgres = usePostgres();
let keystone: FakeKeystone;
let directory: string;
let house: House;
let guest: Guest;

/** As Kubernetes gives a process its ConfigMap: the file is a link, and another link is turned. */
async function publish(generation: number, content: string): Promise<void> {
  const folder = `..${generation}`;
  await mkdir(join(directory, folder));
  await writeFile(join(directory, folder, 'vendordata.json'), content);
  await symlink(folder, join(directory, '..next'));
  await rename(join(directory, '..next'), join(directory, '..data'));
}

/** What guests are told now, by any gateway. */
async function told(): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: READS }, async (_, read) =>
      house.guest(DOCUMENT, neutronHeaders(guest), GATEWAYS[read % GATEWAYS.length]),
    ),
  );
  return [...new Set(answers.map(({ status, text }) => `${status} ${text}`))];
}

const allTold = async (content: string): Promise<true> =>
  await waitFor(`${content} from everybody`, async () => {
    const answers = await told();
    return answers.length === 1 && answers[0] === `200 ${content}`;
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-e2e-static-'));
  await publish(1, '{"ldap": "10.0.0.1"}');
  await symlink(join('..data', 'vendordata.json'), join(directory, 'vendordata.json'));
  keystone = await startFakeKeystone();
  house = await House.start({
    config: `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[postgres]
url = ${await postgres.current.createDatabase()}
[api]
vendordata_jsonfile_path = ${directory}/vendordata.json
[vendordata]
workers = 2
`,
    replicas: { instances: 1, vendordata: 2, gateway: 2 },
  });
  const booted = await house.call('/v1/instances', {
    ...{ method: 'POST', token: keystone.issue({ user: 'alice' }), body: { name: 'mail-1' } },
  });
  const { id, project_id } = JSON.parse(booted.text) as { id: string; project_id: string };
  guest = { instanceId: id, projectId: project_id };
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
  await keystone[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test('a change of the file reaches every guest, whichever gateway and replica it comes by', async () => {
  await allTold('{"ldap": "10.0.0.1"}');
  await publish(2, '{"ldap": "10.0.0.2"}');
  await allTold('{"ldap": "10.0.0.2"}');
  // And nobody goes back to what was before.
  for (let round = 0; round < 5; round++) expect(await told()).toEqual(['200 {"ldap": "10.0.0.2"}']);
});

test('a broken one hurts nobody, and shows', async () => {
  const shows = async (good: number): Promise<true> =>
    await waitFor(`all replicas to say ${good}`, async () => {
      const replicas = house.all('vendordata');
      const said = await Promise.all(
        replicas.map(async (replica) => house.metric(replica, 'hallmark_vendordata_static_good')),
      );
      return said.every((value) => value === good);
    });
  await publish(3, '{"ldap": ');
  await shows(0);
  expect(await told()).toEqual(['200 {"ldap": "10.0.0.2"}']);

  await publish(4, '{"ldap": "10.0.0.4"}');
  await shows(1);
  await allTold('{"ldap": "10.0.0.4"}');
});
