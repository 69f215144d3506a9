import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { unavailable } from '@hallmark/errors';
import { waitFor } from '@hallmark/testing';
import { ALICE, BootHouse, errorOf, ID } from './boot-house.ts';
import { anInstance, type FakeDrive } from './fake-boots.ts';

jest.setTimeout(60_000);

const PATH = `/v1/instances/${ID}/config-drive`;
const CHUNK = Buffer.alloc(65_536, 'drive');

let house: BootHouse;
/** Bytes that were taken from the drive so far. */
let given = 0;

beforeAll(async () => {
  house = await BootHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.boots.keep(anInstance({ id: ID }));
  house.boots.failure = undefined;
  house.boots.abandoned = 0;
  given = 0;
});

function aDrive(
  chunks: number,
  { format = 'iso9660', announced = chunks, breaksAfter = Infinity } = {},
): FakeDrive {
  const digest = createHash('sha256');
  for (let at = 0; at < Math.min(chunks, 16); at += 1) digest.update(CHUNK);
  return {
    about: { format, size: announced * CHUNK.length, sha256: digest.digest('hex'), shortLivedTargets: [] },
    async *bytes() {
      for (let at = 0; at < chunks; at += 1) {
        if (at === breaksAfter) throw new Error('The disk is gone.');
        given += CHUNK.length;
        yield CHUNK;
        await Promise.resolve();
      }
    },
  };
}

/** A download that is read as the test wishes. */
async function download(): Promise<IncomingMessage> {
  const asked = httpRequest(`http://${house.house.address}${PATH}`, { headers: { 'x-auth-token': ALICE } });
  asked.on('error', () => undefined);
  asked.end();
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  reply.on('error', () => undefined);
  return reply;
}

describe('a config drive', () => {
  test('comes whole, with all that is known of it', async () => {
    const drive = aDrive(8);
    house.boots.drive = drive;
    const reply = await house.ask({ method: 'GET', path: PATH });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/x-iso9660-image',
      'content-length': String(8 * CHUNK.length),
      'content-disposition': `attachment; filename="config-2-${ID}.iso"`,
      'cache-control': 'no-store',
      etag: `"${drive.about.sha256}"`,
    });
    const digest = createHash('sha256').update(reply.body, 'latin1').digest();
    expect(reply.headers['repr-digest']).toBe(`sha-256=:${digest.toString('base64')}:`);
    expect(house.lastLine).toMatchObject({ status: 200, bytes: 8 * CHUNK.length, path: PATH });
  });

  test('of another format says so', async () => {
    house.boots.drive = aDrive(1, { format: 'vfat' });
    const { headers } = await house.ask({ method: 'GET', path: PATH });
    expect(headers['content-type']).toBe('application/octet-stream');
    expect(headers['content-disposition']).toContain('.img"');
  });

  test('answers HEAD without a byte of it', async () => {
    house.boots.drive = aDrive(8);
    const reply = await house.ask({ method: 'HEAD', path: PATH });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-length']).toBe(String(8 * CHUNK.length));
    expect([reply.body, given]).toEqual(['', 0]);
  });

  test.each(['"x", W/"SHA"', '"SHA"', '*'])('is not sent to a caller that has it: %s', async (tags) => {
    house.boots.drive = aDrive(8);
    const headers = { 'if-none-match': tags.replace('SHA', house.boots.drive.about.sha256) };
    const reply = await house.ask({ method: 'GET', path: PATH, headers });
    expect([reply.status, reply.body, given]).toEqual([304, '', 0]);
    expect(reply.headers['etag']).toBe(`"${house.boots.drive.about.sha256}"`);
  });

  test('goes no faster than it is taken', async () => {
    // 640 MiB, of which a gateway that reads ahead would hold most.
    house.boots.drive = aDrive(10_000);
    const reply = await download();
    reply.pause();
    let before = -1;
    const taken = await waitFor('the sender to rest', async () => {
      if (given > 0 && given === before) return given;
      before = given;
      await new Promise((resolve) => setTimeout(resolve, 250));
      return undefined;
    });
    expect(taken).toBeLessThan(64 * 1_048_576);
    reply.destroy();
    await waitFor('the source to be let go', () => house.boots.abandoned === 1);
    await waitFor('the line', () => house.lastLine['status'] === 499);
  });

  test('is no longer read when the caller hangs up', async () => {
    house.boots.drive = aDrive(10_000);
    const reply = await download();
    await once(reply, 'data');
    reply.destroy();
    await waitFor('the source to be let go', () => house.boots.abandoned === 1);
    await waitFor('the line', () => house.lastLine['reason'] === 'HUNG_UP');
    expect(given).toBeLessThan(10_000 * CHUNK.length);
  });

  test.each([
    { it: 'breaks on the way', drive: () => aDrive(64, { breaksAfter: 40 }) },
    { it: 'ends too early', drive: () => aDrive(8, { announced: 9 }) },
  ])('that $it is seen to be cut off', async ({ drive }) => {
    house.boots.drive = drive();
    const reply = await download();
    await expect(reply.toArray()).rejects.toThrow(/aborted/);
    await waitFor('the line', () => house.lastLine['reason'] === 'ANSWER_CUT_SHORT');
    expect(house.lastLine).toMatchObject({ level: 'error', status: 200 });
  });

  test('that is longer than announced is told of', async () => {
    house.boots.drive = aDrive(9, { announced: 8 });
    const reply = await download();
    reply.resume();
    await waitFor('the line', () => house.lastLine['reason'] === 'ANSWER_CUT_SHORT');
  });

  test('that is not there is told', async () => {
    house.boots.drive = undefined;
    const reply = await house.ask({ method: 'GET', path: PATH });
    expect([reply.status, errorOf(reply).reason]).toEqual([404, 'NO_CONFIG_DRIVE']);
  });

  test('whose ticket nobody takes is an outage', async () => {
    house.boots.drive = {
      ...aDrive(1),
      bytes: () => {
        throw unavailable('DATABASE_UNAVAILABLE', 'No database.');
      },
    };
    const reply = await house.ask({ method: 'GET', path: PATH });
    expect([reply.status, errorOf(reply).reason]).toEqual([503, 'DATABASE_UNAVAILABLE']);
    house.boots.losesTickets = true;
    const lost = await house.ask({ method: 'GET', path: PATH });
    house.boots.losesTickets = false;
    expect([lost.status, errorOf(lost).reason]).toEqual([503, 'TICKET_UNKNOWN']);
    expect(lost.headers['retry-after']).toBeDefined();
  });
});
