import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { startFakeTarget, type FakeTarget } from '@hallmark/testing';
import { instanceNumber, INSTANCE, listed, openHouse, type House } from './house.ts';
import { StaticFile } from './static-file.ts';

const { VENDOR_DATA, VENDOR_DATA2 } = vendordata.ResolveRequest_Document;
const { WARN, OMIT, FATAL } = vendordata.Freeze_ShortLived;
const { OMITTED, FRESH } = vendordata.Contribution_Source;

const FILE = '{"ldap": 12345678901234567890, "ratio": 1.0}';

let house: House;
let file: StaticFile;
let cmdb: FakeTarget;

beforeEach(async () => {
  file = await StaticFile.create(`${FILE}\n`);
  cmdb = await startFakeTarget({ body: '{"n":  1.0}' });
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await cmdb[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
});

interface Setting {
  providers?: string;
  targets?: Readonly<Record<string, string>>;
  more?: string;
}

async function open({ providers, targets = { cmdb: cmdb.url }, more = '' }: Setting = {}): Promise<void> {
  const named = providers === undefined ? '' : `vendordata_providers = ${providers}\n`;
  house = await openHouse(`${listed(targets)}vendordata_jsonfile_path = ${file.path}\n${named}${more}`);
}

const text = async (document: vendordata.ResolveRequest_Document): Promise<string> =>
  (await house.resolve({ document })).document.toString();

describe('vendor_data.json', () => {
  test('is the file as it is written, and no target is asked', async () => {
    await open();
    const { document, contributions, instanceId, reuse } = await house.resolve({ document: VENDOR_DATA });
    expect(document.toString()).toBe(FILE);
    expect({ contributions, instanceId }).toEqual({ contributions: [], instanceId: INSTANCE });
    expect(reuse?.ttl?.seconds).toBeGreaterThan(600);
    expect(cmdb.requests).toHaveLength(0);
  });

  test('is {} without a file', async () => {
    house = await openHouse('');
    expect(await text(VENDOR_DATA)).toBe('{}');
  });

  test('is not there when StaticJSON is not among the providers', async () => {
    await open({ providers: 'DynamicJSON' });
    await expect(text(VENDOR_DATA)).rejects.toMatchObject({
      code: 'not-found',
      reason: 'NO_STATIC_VENDORDATA',
    });
  });

  test('of any kind of JSON is served', async () => {
    await file.write('[1, "two"]');
    await open();
    expect(await text(VENDOR_DATA)).toBe('[1, "two"]');
  });
});

describe('vendor_data2.json', () => {
  test.each<{ it: string; providers: string | undefined; document: string; asked: number }>([
    { it: 'the file alone, by default', providers: undefined, document: `{"static": ${FILE}}`, asked: 0 },
    {
      it: 'the file and the targets',
      providers: 'StaticJSON, DynamicJSON',
      document: `{"static": ${FILE}, "cmdb": {"n":  1.0}}`,
      asked: 1,
    },
    {
      it: 'the targets and the file',
      providers: 'DynamicJSON, StaticJSON',
      document: `{"cmdb": {"n":  1.0}, "static": ${FILE}}`,
      asked: 1,
    },
    {
      it: 'the targets without the file',
      providers: 'DynamicJSON',
      document: '{"cmdb": {"n":  1.0}}',
      asked: 1,
    },
    { it: 'nothing, of no providers', providers: '', document: '{}', asked: 0 },
  ])('is $it', async ({ providers, document, asked }) => {
    await open({ providers });
    expect(await text(VENDOR_DATA2)).toBe(document);
    expect(cmdb.requests).toHaveLength(asked);
  });

  test('has the file in the place of a target named static, which is not asked', async () => {
    await open({ providers: 'DynamicJSON, StaticJSON', targets: { static: cmdb.url } });
    expect(await text(VENDOR_DATA2)).toBe(`{"static": ${FILE}}`);
    expect(cmdb.requests).toHaveLength(0);
    // Who asks for the targets alone, as Nova does, still hears it.
    expect(await house.document()).toMatchObject({ static: { json: '{"n":  1.0}' } });
  });

  test('says what each target contributed, without saying it twice', async () => {
    await open({ providers: 'StaticJSON, DynamicJSON' });
    const { contributions, document } = await house.resolve({ document: VENDOR_DATA2 });
    expect(document.toString()).toContain('"cmdb"');
    expect(contributions).toEqual([
      expect.objectContaining({ name: 'cmdb', source: FRESH, json: Buffer.alloc(0) }),
    ]);
  });

  test('has the composed cloud-init member', async () => {
    cmdb.answer({ json: { 'cloud-init': '#cloud-config' } });
    await open({ providers: 'DynamicJSON', more: '[vendordata]\ncompose_cloud_init = true\n' });
    expect(JSON.parse(await text(VENDOR_DATA2))).toEqual({
      cmdb: { 'cloud-init': '#cloud-config' },
      'cloud-init': ['#cloud-config'],
    });
  });

  test('may be reused as long as its least fresh target, and for long when none is in it', async () => {
    cmdb.answer({ json: 1, headers: { 'cache-control': 'max-age=30' } });
    await open({ providers: 'StaticJSON, DynamicJSON' });
    const ttl = async (): Promise<number> =>
      (await house.resolve({ document: VENDOR_DATA2 })).reuse?.ttl?.seconds ?? NaN;
    expect(await ttl()).toBeLessThanOrEqual(30);
    await house.reload(`[api]\nvendordata_jsonfile_path = ${file.path}\n`);
    expect(await ttl()).toBeGreaterThan(600);
  });

  test('is not to be had when a fatal target fails', async () => {
    cmdb.answer({ status: 500 });
    await open({ providers: 'StaticJSON, DynamicJSON', more: 'vendordata_dynamic_failure_fatal = true\n' });
    await expect(text(VENDOR_DATA2)).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'VENDORDATA_TARGET_FAILED',
    });
    // What needs no target is.
    expect(await text(VENDOR_DATA)).toBe(FILE);
  });
});

test('a document cannot be asked of one target, or of a kind that nobody knows', async () => {
  await open();
  const invalid = { code: 'invalid', reason: 'DOCUMENT_INVALID' };
  await expect(house.resolve({ document: VENDOR_DATA2, target: 'cmdb' })).rejects.toMatchObject(invalid);
  await expect(house.resolve({ document: 77 as vendordata.ResolveRequest_Document })).rejects.toMatchObject(
    invalid,
  );
});

describe('what is to be frozen', () => {
  let fleeting: FakeTarget;
  beforeEach(async () => {
    fleeting = await startFakeTarget({ json: 'otp', headers: { 'cache-control': 'no-store' } });
    await open({ providers: 'DynamicJSON', targets: { cmdb: cmdb.url, otp: fleeting.url } });
  });
  afterEach(async () => fleeting[Symbol.asyncDispose]());

  const freeze = async (
    shortLived: vendordata.Freeze_ShortLived,
    number = 1,
  ): Promise<vendordata.ResolveResponse> =>
    await house.resolve({
      document: VENDOR_DATA2,
      instance: instanceNumber(number),
      freeze: { shortLived, minLifetime: { seconds: 300, nanos: 0 } },
    });

  test('is given with the names of those that want to be asked again', async () => {
    const { document, shortLivedTargets } = await freeze(WARN);
    expect(document.toString()).toBe('{"cmdb": {"n":  1.0}, "otp": "otp"}');
    expect(shortLivedTargets).toEqual(['otp']);
  });

  test('or without what they said', async () => {
    const { document, contributions, shortLivedTargets } = await freeze(OMIT);
    expect(document.toString()).toBe('{"cmdb": {"n":  1.0}, "otp": {}}');
    expect(contributions.map(({ name, source }) => [name, source])).toEqual([
      ['cmdb', FRESH],
      ['otp', OMITTED],
    ]);
    expect(shortLivedTargets).toEqual(['otp']);
  });

  test('or not at all', async () => {
    await expect(freeze(FATAL)).rejects.toMatchObject({
      code: 'not-ready',
      reason: 'VENDORDATA_NOT_FREEZABLE',
      message: expect.stringContaining('"otp"'),
    });
    fleeting.answer({ json: 'otp', headers: { 'cache-control': 'max-age=300' } });
    expect((await freeze(FATAL)).shortLivedTargets).toEqual([]);
  });

  test('is judged by the life of an answer, not by what a cache has left of it', async () => {
    const headers = { 'cache-control': 'max-age=301', age: '300' };
    fleeting.answer({ json: 'otp', headers });
    expect((await freeze(FATAL, 2)).shortLivedTargets).toEqual([]);
    const { contributions } = await freeze(FATAL, 2);
    expect(contributions[1]?.source).toBe(vendordata.Contribution_Source.CACHED);
  });

  test('is not said of who does not freeze', async () => {
    expect((await house.resolve({ document: VENDOR_DATA2 })).shortLivedTargets).toEqual([]);
  });
});
