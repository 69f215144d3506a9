import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DataClient } from '@hallmark/rpc';
import { newRequestId } from '@hallmark/runtime';
import { createTestCertificates, usePostgres, waitFor } from '@hallmark/testing';
import { DriveHouse, type FetchedDrive } from './drive-house.ts';
import { FakeVendordata } from './fake-vendordata.ts';
import { call, OTHER_PROJECT, PROJECT } from './house.ts';

const IMAGE = '1b1f4e54-6b3c-4b0a-9d0a-6f1f3f1d2a11';
const NOBODY = '00000000-0000-4000-8000-000000000000';

const pg = usePostgres();
let vendordataService: FakeVendordata;
let opened: AsyncDisposableStack;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  vendordataService = opened.use(await FakeVendordata.start());
});
afterEach(async () => {
  vendordataService.release();
  await opened.disposeAsync();
});

async function openHouse(ini = '', database?: string): Promise<DriveHouse> {
  return opened.use(
    await DriveHouse.open({
      database: database ?? (await pg.current.createDatabase()),
      vendordata: vendordataService,
      ini,
    }),
  );
}

async function bootedDrive(house: DriveHouse): Promise<string> {
  const { id } = await house.boot();
  await house.built(id);
  return id;
}

describe('a config drive', () => {
  test.each(['iso9660', 'vfat'])('in %s is what was told of it', async (format) => {
    const house = await openHouse(`[DEFAULT]\nconfig_drive_format = ${format}\n`);
    const id = await bootedDrive(house);

    const { ticket, configDrive } = await house.open(id, PROJECT);
    const { headers, bytes, sha256 } = await house.fetch(ticket);

    expect(configDrive).toEqual({ format, size: bytes.length, sha256, shortLivedTargets: [] });
    expect((await house.house.get(id)).configDrive).toEqual(configDrive);
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.length),
      'x-hallmark-sha256': sha256,
    });
    if (format === 'vfat') expect(bytes).toHaveLength(67_108_864);
    expect(bytes.includes(vendordataService.vendorData2)).toBe(true);
  });

  test('comes from any replica, and has the same bytes each time', async () => {
    const database = await pg.current.createDatabase();
    const house = await openHouse('', database);
    const other = await openHouse('', database);
    const id = await bootedDrive(house);
    const fetched: FetchedDrive[] = [];
    for (const [opener, server] of [
      [house, house],
      [house, other],
      [other, house],
    ] as const) {
      fetched.push(await server.fetch((await opener.open(id)).ticket));
    }
    expect(new Set(fetched.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(vendordataService.requests).toHaveLength(1);
  });

  test('stays what it is when the record and the configuration change', async () => {
    const house = await openHouse();
    const id = await bootedDrive(house);
    const before = await house.download(id);
    await house.house.client.updateMetadata(
      { id, projectId: '', metadata: [{ key: 'role', value: 'mail' }] },
      call(),
    );
    vendordataService.vendorData2 = '{}';
    await house.house.reload(
      `[rpc]\nvendordata_endpoints = ${vendordataService.endpoint}\n[DEFAULT]\nconfig_drive_format = vfat\n`,
    );
    expect((await house.download(id)).sha256).toBe(before.sha256);
  });

  test('holds what the user injected, and only there', async () => {
    const house = await openHouse();
    const contents = Buffer.from('injected, äöü\n');
    const personality = [{ path: '/etc/größe', contents }];
    const { id } = await house.boot({ boot: { personality, adminPass: 'sesame-42' } });
    await house.built(id);
    const { bytes } = await house.download(id);
    expect(bytes.includes(contents)).toBe(true);
    expect(bytes.includes('sesame-42')).toBe(true);
    const { contents: documents } = await house.house.metadata(id);
    expect(documents.some((document) => document.includes('sesame-42'))).toBe(false);
  });
});

describe('a ticket', () => {
  const refused = { code: 'not-found', reason: 'TICKET_UNKNOWN' };

  test('is good once, and only as it was given', async () => {
    const house = await openHouse();
    const { ticket } = await house.open(await bootedDrive(house));
    await expect(house.fetch(ticket.toLowerCase() + ticket)).rejects.toMatchObject(refused);
    await house.fetch(ticket);
    await expect(house.fetch(ticket)).rejects.toMatchObject(refused);
  });

  test('of a drive that is no more is good for no other', async () => {
    const house = await openHouse();
    const id = await bootedDrive(house);
    const { ticket } = await house.open(id);
    await house.house.client.rebuildInstance({ id, projectId: '', imageId: IMAGE }, call());
    await house.built(id);
    await expect(house.fetch(ticket)).rejects.toMatchObject({ reason: 'NO_CONFIG_DRIVE' });
    await house.download(id);
  });

  test('is given to nobody else', async () => {
    const house = await openHouse();
    const id = await bootedDrive(house);
    await expect(house.open(id, OTHER_PROJECT)).rejects.toMatchObject({ reason: 'INSTANCE_UNKNOWN' });
    await expect(house.open(NOBODY)).rejects.toMatchObject({ reason: 'INSTANCE_UNKNOWN' });
  });

  test('is not given while the drive is being built, nor without a drive', async () => {
    vendordataService.hold();
    const house = await openHouse();
    const { id } = await house.boot();
    await expect(house.open(id)).rejects.toMatchObject({ code: 'not-ready', reason: 'INSTANCE_BUSY' });
    const without = await house.house.boot();
    await expect(house.open(without.id)).rejects.toMatchObject({ reason: 'NO_CONFIG_DRIVE' });
  });

  test('is gone with the instance', async () => {
    const house = await openHouse();
    const id = await bootedDrive(house);
    const { ticket } = await house.open(id);
    await house.house.client.deleteInstance({ id, projectId: '' }, call());
    await expect(house.fetch(ticket)).rejects.toMatchObject({ reason: 'NO_CONFIG_DRIVE' });
  });
});

describe('the data listener', () => {
  test('takes only clients whose certificate is allowed', async () => {
    const certificates = opened.use(await createTestCertificates());
    const files = await certificates.issue({ name: 'instances' });
    const ini = (allowed: string): string =>
      `[instances]\nallowed_clients = ${allowed}\n[rpc]\n` +
      `cert_file = ${files.certFile}\nkey_file = ${files.keyFile}\nca_file = ${files.caFile}\n`;
    const house = await openHouse(ini('gateway'));
    const endpoints = house.house.running.addresses['data'] ?? [];
    const fetchAs = async (tls?: Awaited<ReturnType<typeof certificates.issue>>): Promise<unknown> => {
      await using client = new DataClient({ name: 'instances', endpoints, tls });
      const request = { kind: 'config-drives', ticket: 'none' };
      return await client.get(request, { requestId: newRequestId() }).catch((error: unknown) => error);
    };

    // The ticket is no good, but that is said only to those who may ask.
    expect(await fetchAs(await certificates.issue({ name: 'gateway' }))).toMatchObject({
      reason: 'TICKET_UNKNOWN',
    });
    expect(await fetchAs(await certificates.issue({ name: 'images' }))).toMatchObject({
      reason: 'PEER_NOT_ALLOWED',
    });
    expect(await fetchAs()).toMatchObject({ reason: 'DATA_UNAVAILABLE' });

    const strangers = opened.use(await createTestCertificates('Another CA'));
    expect(await fetchAs(await strangers.issue({ name: 'gateway' }))).toMatchObject({
      reason: 'DATA_UNAVAILABLE',
    });
  });

  test('writes no ticket into metrics', async () => {
    const house = await openHouse();
    const { ticket } = await house.open(await bootedDrive(house));
    await house.fetch(ticket);
    const metrics = await waitFor('the transfer to be counted', async () => {
      const text = await house.house.registry.metrics();
      return text.includes('handled_total{route="GET config-drives",status="200"} 1') && text;
    });
    expect(metrics).not.toContain(ticket);
  });
});
