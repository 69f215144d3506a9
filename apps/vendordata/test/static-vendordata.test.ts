import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { ConfigError, newRequestId } from '@hallmark/runtime';
import { waitFor } from '@hallmark/testing';
import { twoWorkers } from './cache-replica.ts';
import { openHouse, type House } from './house.ts';
import { StaticFile } from './static-file.ts';

const { VENDOR_DATA } = vendordata.ResolveRequest_Document;

let house: House;
let file: StaticFile;
let log: string[];

beforeEach(async () => {
  log = [];
  file = await StaticFile.create('{"n": 1}');
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
});

const naming = (path: string): string => `[api]\nvendordata_jsonfile_path = ${path}\n`;
const open = async (): Promise<void> => {
  house = await openHouse(naming(file.path), { log });
};
const content = async (): Promise<string> =>
  (await house.resolve({ document: VENDOR_DATA })).document.toString();
const comes = async (wanted: string): Promise<true> =>
  await waitFor(`${wanted} in the document`, async () => (await content()) === wanted);
const lines = (message: string): Record<string, unknown>[] =>
  log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message);

async function startFault(ini: string): Promise<string> {
  try {
    house = await openHouse(ini);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'started';
}

describe('the start', () => {
  beforeEach(async () => {
    house = await openHouse('');
    await house[Symbol.asyncDispose]();
  });

  test.each<{ it: string; content: string | undefined; fault: string }>([
    { it: 'is not there', content: undefined, fault: 'cannot be read (ENOENT)' },
    { it: 'is empty', content: '', fault: 'is empty' },
    { it: 'is not JSON', content: '{"n": 1,}', fault: 'is not JSON' },
    { it: 'is too large', content: `"${'x'.repeat(1_048_576)}"`, fault: 'has more than 1048576 bytes' },
  ])('is refused when the file $it', async ({ content: written, fault }) => {
    if (written === undefined) await file.remove();
    else await file.write(written);
    expect(await startFault(naming(file.path))).toBe(
      `hallmark.conf:6: [api] vendordata_jsonfile_path: ${file.path} ${fault}`,
    );
  });

  test('does not need a file that no provider reads', async () => {
    await file.remove();
    expect(await startFault(`${naming(file.path)}vendordata_providers = DynamicJSON\n`)).toBe('started');
  });
});

describe('a change of the file', () => {
  test('in place is seen, more than once', async () => {
    await open();
    expect(await content()).toBe('{"n": 1}');
    await file.write('{"n": 2}');
    await comes('{"n": 2}');
    await file.write('{"n": 3}');
    await comes('{"n": 3}');
  });

  test('by a rename over it is seen, more than once', async () => {
    await open();
    await file.replace('{"n": 2}');
    await comes('{"n": 2}');
    await file.replace('{"n": 3}');
    await comes('{"n": 3}');
  });

  test('by a turned link, as in Kubernetes, is seen, more than once', async () => {
    await using mounted = await StaticFile.mounted('{"n": 1}');
    house = await openHouse(naming(mounted.path));
    expect(await content()).toBe('{"n": 1}');
    await mounted.swap('{"n": 2}');
    await comes('{"n": 2}');
    await mounted.swap('{"n": 3}');
    await comes('{"n": 3}');
  });

  test('for the worse is told once and changes nothing, until it is good again', async () => {
    await open();
    const refusals = (): object[] => lines('static vendordata is not usable: keeping what was read before');
    await file.replace('{"secret": ');
    await waitFor('the line', () => refusals().length === 1);
    expect(refusals()).toEqual([
      expect.objectContaining({ level: 'warn', path: file.path, fault: 'is not JSON' }),
    ]);
    expect(log.join('')).not.toContain('secret');
    expect(await content()).toBe('{"n": 1}');
    expect(await house.registry.metrics()).toContain('hallmark_vendordata_static_good 0');

    await file.remove();
    await waitFor('the other line', () => refusals().length === 2);
    expect(await content()).toBe('{"n": 1}');

    await file.write('{"n": 2}');
    await comes('{"n": 2}');
    const metrics = await house.registry.metrics();
    expect(metrics).toContain('hallmark_vendordata_static_good 1');
    expect(metrics).toContain('hallmark_vendordata_static_reads_total{outcome="refused"} 2');
  });

  test('is told to those who keep documents, who find none older than it', async () => {
    await open();
    const { reuse: before } = await house.resolve({ document: VENDOR_DATA });
    const stop = new AbortController();
    const watch = { requestId: newRequestId(), signal: stop.signal };
    let invalidation: vendordata.WatchInvalidationsResponse | undefined;
    for await (const event of house.client.watchInvalidations({}, watch)) {
      if (event.event?.$case === 'hello') await file.replace('{"n": 2}');
      if (event.event?.$case !== 'answersInvalidated') continue;
      invalidation = event;
      // Who asks from now on gets what is new.
      expect(await content()).toBe('{"n": 2}');
      break;
    }
    stop.abort();
    expect(invalidation?.event?.value).toEqual({ instanceId: '', target: 'static' });
    const { reuse: after } = await house.resolve({ document: VENDOR_DATA });
    expect(before?.version).toBeLessThan(invalidation?.version ?? 0);
    expect(after?.version).toBeGreaterThanOrEqual(invalidation?.version ?? Infinity);
  });

  test('reaches every worker', async () => {
    const [bus, otherBus] = twoWorkers();
    house = await openHouse(naming(file.path), { bus });
    await using other = await openHouse(naming(file.path), { bus: otherBus });
    await file.write('{"n": 2}');
    await other.reload(naming(file.path));
    await comes('{"n": 2}');
  });
});

describe('a reload', () => {
  test('looks at the file, and is not refused because it is broken now', async () => {
    await open();
    await file.write('{"n": 2}');
    await house.reload(naming(file.path));
    expect(await content()).toBe('{"n": 2}');
    await file.write('nonsense');
    await house.reload(naming(file.path));
    expect(await content()).toBe('{"n": 2}');
  });

  test('takes another file, or none', async () => {
    await open();
    await using other = await StaticFile.create('"other"');
    await house.reload(naming(other.path));
    expect(await content()).toBe('"other"');
    await other.replace('"new"');
    await comes('"new"');
    await house.reload('');
    expect(await content()).toBe('{}');
  });

  test('is refused when the other file is broken', async () => {
    await open();
    await using other = await StaticFile.create('nonsense');
    await expect(house.reload(naming(other.path))).rejects.toThrow(`${other.path} is not JSON`);
    expect(await content()).toBe('{"n": 1}');
    await file.replace('{"n": 2}');
    await comes('{"n": 2}');
  });
});
