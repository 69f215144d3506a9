import { describe, expect, test } from '@jest/globals';
import { usePostgres } from '@hallmark/testing';
import { call, documentOf, House, PROJECT } from './house.ts';

const pg = usePostgres();
const openHouse = async (ini = ''): Promise<House> =>
  await House.open({ database: await pg.current.createDatabase(), ini });

const post = async (house: House, id: string, password: string | Buffer): Promise<unknown> =>
  await house.client.setPassword({ id, password: Buffer.from(password) }, call());

describe("a guest's metadata", () => {
  test('is everything in one answer, with the project to check and the life it has', async () => {
    await using house = await openHouse();
    const { id } = await house.boot({ boot: { userData: 'aGk=' } });
    const metadata = await house.metadata(id);
    expect(metadata).toMatchObject({ instanceId: id, projectId: PROJECT });
    expect(metadata.reuse?.ttl?.seconds).toBeGreaterThan(0);
    expect(documentOf(metadata, 'user_data')).toBe('hi');
    expect(JSON.parse(documentOf(metadata, 'meta_data.json'))).toMatchObject({
      uuid: id,
      hostname: 'mail-1.novalocal',
    });
  });

  test('is the same at every read and replica, the random seed too', async () => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    const { id } = await first.boot();
    const read = await first.document(id, 'meta_data.json');
    await using second = await House.open({ database });
    expect(await second.document(id, 'meta_data.json')).toBe(read);
    expect(JSON.parse(read)).toMatchObject({ random_seed: expect.stringMatching(/^[\w+/=]{684}$/) });
  });

  test('is answered while its drive is built, and in ERROR', async () => {
    await using house = await openHouse();
    const { id } = await house.boot({ boot: { configDrive: true } });
    const read = await house.document(id, 'meta_data.json');
    await house.rows(
      `UPDATE instances SET status = 'ERROR', fault_reason = 'X', fault_message = 'No.', fault_at = now()`,
    );
    expect(await house.document(id, 'meta_data.json')).toBe(read);
  });

  test('follows a reload of the domain', async () => {
    await using house = await openHouse();
    const { id } = await house.boot();
    await house.reload('[api]\ndhcp_domain = cloud.test\n');
    expect(await house.document(id, 'meta_data.json')).toContain('"hostname": "mail-1.cloud.test"');
  });
});

describe("a guest's password", () => {
  test('is stored once, as posted', async () => {
    await using house = await openHouse();
    const { id } = await house.boot();
    expect(await house.document(id, 'password')).toBe('');
    await post(house, id, 'pä\0ss\n');
    expect(await house.document(id, 'password')).toBe('pä\0ss\n');
    for (const again of ['pä\0ss\n', 'other', '', 'x'.repeat(2_000), Buffer.from([0xff])]) {
      await expect(post(house, id, again)).rejects.toMatchObject({
        code: 'conflict',
        reason: 'PASSWORD_SET',
      });
    }
    expect(await house.document(id, 'password')).toBe('pä\0ss\n');
  });

  test.each([
    ['of 1020 bytes', 'x'.repeat(1_020), true],
    ['of 1021 bytes', 'x'.repeat(1_021), false],
    ['of 1021 bytes in fewer characters', 'é'.repeat(510) + 'x', false],
    ['that is not UTF-8', Buffer.from([0x61, 0xff]), false],
  ])('%s: %#', async (_, password, good) => {
    await using house = await openHouse();
    const { id } = await house.boot();
    const posted = post(house, id, password);
    if (good) await posted;
    else await expect(posted).rejects.toMatchObject({ code: 'invalid', reason: 'PASSWORD_INVALID' });
    expect(await house.document(id, 'password')).toBe(good ? password.toString() : '');
  });

  test('is left unset by an empty one', async () => {
    await using house = await openHouse();
    const { id } = await house.boot();
    await post(house, id, '');
    await post(house, id, 'later');
    expect(await house.document(id, 'password')).toBe('later');
  });

  test('is one of fifty that are posted at once, at any replica', async () => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    await using second = await House.open({ database });
    const { id } = await first.boot();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        post(index % 2 === 0 ? first : second, id, `password-${index}`),
      ),
    );
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ reason: 'PASSWORD_SET' });
    }
    expect(await second.document(id, 'password')).toBe(`password-${winners.join()}`);
  });
});
