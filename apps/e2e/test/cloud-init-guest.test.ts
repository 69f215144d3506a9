import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  HOST_FROM_CONTAINERS,
  aNovaInstance,
  describeWithDocker,
  startFakeKeystone,
  startFakeTarget,
  startNova,
  usePostgres,
  type FakeKeystone,
  type FakeTarget,
  type NovaInstance,
  type NovaMetadata,
} from '@hallmark/testing';
import { CloudInit, type CloudInitReading } from './cloud-init.ts';
import { House, keystoneConfig } from './house.ts';
import { NEUTRON_CONFIG, NeutronProxy, neutronHeaders } from './neutron.ts';

// Long enough to make the images, the first time on a machine.
jest.setTimeout(900_000);

const ADDRESS = '10.1.0.7';
const KEYPAIR = {
  name: 'alice-key',
  public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhhbGxtYXJr alice@demo',
};
const USER_DATA = Buffer.from('#cloud-config\nhostname: from-user-data\n').toString('base64');
/** What targets say has something for cloud-init, and something that no double holds. */
const CLOUD_CONFIG = '#cloud-config\npackages: [nginx]\n';
const SERIAL = '123456789012345678901234567890';
const EVERYWHERE = { host: '0.0.0.0' };
const urlFromContainers = ({ port }: FakeTarget): string => `http://${HOST_FROM_CONTAINERS}:${port}/`;

describeWithDocker('cloud-init, in the guest of Hallmark and in the guest of Nova', () => {
  const postgres = usePostgres();
  let keystone: FakeKeystone;
  let cmdb: FakeTarget;
  let web: FakeTarget;
  let house: House;
  let nova: NovaMetadata;
  let instance: NovaInstance;

  beforeAll(async () => {
    keystone = await startFakeKeystone();
    cmdb = await startFakeTarget({ body: `{"serial": ${SERIAL}, "rack": "r\\u00e9"}` }, EVERYWHERE);
    web = await startFakeTarget({ json: CLOUD_CONFIG }, EVERYWHERE);
    house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[postgres]
url = ${await postgres.current.createDatabase()}
[api]
vendordata_providers = StaticJSON, DynamicJSON
vendordata_dynamic_read_timeout = 30
vendordata_dynamic_targets = cmdb@${cmdb.url}, cloud-init@${web.url}
`,
      replicas: { instances: 1 },
      novaHost: '0.0.0.0',
    });
    nova = await startNova({
      vendordataDynamicTargets: [`cmdb@${urlFromContainers(cmdb)}`, `cloud-init@${urlFromContainers(web)}`],
      readTimeoutSeconds: 30,
    });
    instance = await bootInBoth();
  });
  afterAll(async () => {
    for (const one of [nova, house, cmdb, web, keystone]) await one[Symbol.asyncDispose]();
  });

  /** One instance, made by Nova's own objects, and booted with the same data in Hallmark. */
  async function bootInBoth(): Promise<NovaInstance> {
    const token = keystone.issue({ user: 'alice' });
    const known = await house.call('/v1/instances', { method: 'POST', token, body: { name: 'who-am-i' } });
    const { project_id, user_id } = JSON.parse(known.text) as { project_id: string; user_id: string };
    const made = aNovaInstance({
      ...{ project_id, user_id, user_data: USER_DATA, fixed_ip: ADDRESS, keypair: KEYPAIR },
      ...{ metadata: { role: 'mail', tier: 'gold' }, boot_roles: ['member', 'reader'] },
    });
    await nova.createInstances(made);
    const network = await nova.get('openstack/latest/network_data.json', made);
    const booted = await house.call('/v1/instances', {
      ...{ method: 'POST', token, headers: { Prefer: 'wait=60' } },
      body: {
        id: made.uuid,
        name: made.hostname,
        image_id: made.image_ref,
        flavor: 'm1.small',
        availability_zone: 'nova',
        reservation_id: 'r-hallmark',
        user_data: made.user_data,
        metadata: made.metadata,
        keypair: made.keypair,
        network_data: JSON.parse(network.body) as unknown,
        fixed_ipv4: ADDRESS,
        config_drive: true,
      },
    });
    expect({ status: booted.status, text: booted.text }).toMatchObject({ status: 201 });
    return made;
  }

  describe('over the metadata service', () => {
    let fromHallmark: CloudInitReading;
    let fromNova: CloudInitReading;
    let asked: { hallmark: readonly string[]; nova: readonly string[] };

    beforeAll(async () => {
      const guest = { instanceId: instance.uuid, projectId: instance.project_id, address: ADDRESS };
      const gateway = { host: '127.0.0.1', port: house.one('gateway').secondPort };
      await using toHallmark = await NeutronProxy.start(guest, gateway);
      await using toNova = await NeutronProxy.start(guest, nova.address);
      await using one = await CloudInit.boot(toHallmark);
      await using other = await CloudInit.boot(toNova);
      fromHallmark = await one.readMetadata();
      fromNova = await other.readMetadata();
      asked = { hallmark: toHallmark.requests, nova: toNova.requests };
    });

    test('finds the data source in both', () => {
      expect(fromHallmark.source).toMatchObject({
        ...{
          instance_id: instance.uuid,
          hostname: 'mail-1',
          availability_zone: 'nova',
          version: 2,
        },
        ...{ public_ssh_keys: [KEYPAIR.public_key] },
      });
    });

    test('reads the same with its reader', () => {
      expect(comparable(fromHallmark.reader)).toEqual(comparable(fromNova.reader));
    });

    test('makes the same of it as a data source, EC2 data included', () => {
      expect(comparable(fromHallmark.source)).toEqual(comparable(fromNova.source));
      expect(fromHallmark.source.ec2_metadata).toMatchObject({
        'local-ipv4': ADDRESS,
        'instance-type': 'm1.small',
      });
    });

    test('asks for the same, in the same order', () => {
      expect(asked.hallmark).toEqual(asked.nova);
    });

    test('is told every digit', async () => {
      const guest = { instanceId: instance.uuid, projectId: instance.project_id };
      const document = await house.guest('/openstack/latest/vendor_data2.json', neutronHeaders(guest));
      expect(document.text).toContain(`"serial": ${SERIAL},`);
    });

    test('takes up what targets have for it, as vendor-data', () => {
      expect(fromHallmark.vendordata2).toEqual([['text/cloud-config', CLOUD_CONFIG]]);
      expect(fromHallmark.vendordata2).toEqual(fromNova.vendordata2);
      expect(fromHallmark.vendordata).toEqual(fromNova.vendordata);
    });
  });

  test('reads the same from the config drive that each makes', async () => {
    const token = keystone.issue({ user: 'alice' });
    const drive = await house.call(`/v1/instances/${instance.uuid}/config-drive`, { token });
    expect(drive).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-iso9660-image' } });

    await using cloudInit = await CloudInit.boot();
    const fromHallmark = await cloudInit.readDrive(drive.bytes);
    const fromNova = await cloudInit.readFiles(await nova.configDrive(instance));

    expect(comparable(fromHallmark)).toEqual(comparable(fromNova));
    expect(fromHallmark).toMatchObject({ version: 2, metadata: { uuid: instance.uuid } });
  });
});

describeWithDocker('cloud-init, with parts for it from several targets', () => {
  const postgres = usePostgres();

  test.each([
    { format: 'iso9660', read: 'readDrive' },
    { format: 'vfat', read: 'readVfat' },
  ] as const)('finds them together, over HTTP and on a $format drive', async ({ format, read }) => {
    await using keystone = await startFakeKeystone();
    await using web = await startFakeTarget({ json: { 'cloud-init': CLOUD_CONFIG } });
    await using mon = await startFakeTarget({
      json: { 'cloud-init': ['#cloud-config\nruncmd: [start-agent]\n', '#!/bin/sh\necho hello\n'] },
    });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[DEFAULT]
config_drive_format = ${format}
[postgres]
url = ${await postgres.current.createDatabase()}
[api]
vendordata_providers = DynamicJSON
vendordata_dynamic_read_timeout = 30
vendordata_dynamic_targets = web@${web.url}, mon@${mon.url}
[vendordata]
compose_cloud_init = true
`,
      replicas: { instances: 1 },
    });
    const token = keystone.issue({ user: 'alice' });
    const booted = await house.call('/v1/instances', {
      ...{ method: 'POST', token, headers: { Prefer: 'wait=60' } },
      body: { name: 'web-1', config_drive: true },
    });
    const { id, project_id: projectId } = JSON.parse(booted.text) as { id: string; project_id: string };
    const gateway = { host: '127.0.0.1', port: house.one('gateway').secondPort };
    await using neutron = await NeutronProxy.start({ instanceId: id, projectId }, gateway);
    await using cloudInit = await CloudInit.boot(neutron);

    const { vendordata2, source } = await cloudInit.readMetadata();
    expect(vendordata2).toEqual([
      ['text/cloud-config', CLOUD_CONFIG],
      ['text/cloud-config', '#cloud-config\nruncmd: [start-agent]\n'],
      ['text/x-shellscript', '#!/bin/sh\necho hello\n'],
    ]);
    const document = JSON.stringify({ 'cloud-init': source['vendordata2_raw'] });
    expect(await cloudInit.readVendordata(document)).toMatchObject({
      cloud_config: { packages: ['nginx'], runcmd: ['start-agent'] },
    });

    const drive = await house.call(`/v1/instances/${id}/config-drive`, { token });
    const { vendordata2: frozen } = await cloudInit[read](drive.bytes);
    expect(frozen).toMatchObject({ 'cloud-init': source['vendordata2_raw'] });
  });
});

/**
 * What each of the two makes up by itself: Nova another `random_seed` for each reading, and both the EC2
 * id, by counting. That there is one, and of which kind, still shows.
 */
function comparable(reading: unknown): unknown {
  return JSON.parse(JSON.stringify(reading), (key, value: unknown) => {
    if (key === 'random_seed' && typeof value === 'string') return value.length > 0;
    if (key === 'instance-id' && typeof value === 'string') return value.replace(/^i-[\da-f]{8}$/, 'i-');
    return value;
  });
}
