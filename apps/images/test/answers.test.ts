import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { images } from '@hallmark/contracts';
import { usePostgres } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { admin, alice, bytes as json, call, carol, dave, DEMO, failure, OTHER, parsed } from './house.ts';
import type { Json } from './house.ts';

// What clients of the Image API are answered, call by call.

const postgres = usePostgres();
let bytes: BytesHouse;

beforeAll(async () => {
  bytes = await BytesHouse.open({ database: await postgres.current.createDatabase() });
});
afterAll(() => bytes[Symbol.asyncDispose]());

const DIRECT = { method: { name: 'glance-direct' } };

async function active(content = Buffer.from('0123456789'), caller = alice): Promise<string> {
  const id = await bytes.house.createId(BARE_RAW, caller);
  await bytes.upload(id, content, caller);
  return id;
}

describe('A patch of 2.0, which Tempest sends', () => {
  const patch = async (id: string, operations: readonly object[]): Promise<Json> => {
    const mediaType = 'application/openstack-images-v2.0-json-patch';
    const request = { caller: alice, id, mediaType, body: json(operations) };
    return parsed((await bytes.house.client.updateImage(request, call())).image?.json ?? Buffer.of());
  };

  test('adds, replaces and removes, and does not overwrite', async () => {
    const id = await bytes.house.createId({ name: 'before', mine: '1' });
    expect(
      await patch(id, [
        { replace: '/name', value: 'after' },
        { add: '/new', value: 'n' },
        { replace: '/mine', value: '2' },
        { replace: '/tags', value: ['t'] },
        { replace: '/visibility', value: 'private' },
      ]),
    ).toMatchObject({ name: 'after', new: 'n', mine: '2', tags: ['t'], visibility: 'private' });
    expect(await failure(patch(id, [{ add: '/mine', value: '3' }]))).toBe(
      'conflict PROPERTY_EXISTS Property mine already present.',
    );
    expect(await patch(id, [{ remove: '/mine' }])).not.toHaveProperty('mine');
    expect(await failure(patch(id, [{ remove: '/mine' }]))).toBe(
      'conflict PROPERTY_UNKNOWN Property mine does not exist.',
    );
    expect(await failure(patch(id, [{ op: 'add', path: '/x', value: '1' }]))).toBe(
      'invalid PATCH_INVALID Operation objects must contain exactly one member named "add", "remove", or "replace".',
    );
  });

  test('in the form of 2.1 overwrites, and of another type is none', async () => {
    const id = await bytes.house.createId({ mine: '1' });
    expect(await bytes.house.patch(id, [{ op: 'add', path: '/mine', value: '3' }])).toMatchObject({
      mine: '3',
    });
    const request = { caller: alice, id, mediaType: 'application/json', body: json([]) };
    expect(await failure(bytes.house.client.updateImage(request, call()))).toMatch(
      /^invalid PATCH_MEDIA_TYPE_UNSUPPORTED/,
    );
  });

  test('of locations is forbidden, as Glance has it by default', async () => {
    const id = await active();
    const value = { url: 'http://a.example/x', metadata: {} };
    expect(await failure(bytes.house.patch(id, [{ op: 'add', path: '/locations/-', value }]))).toBe(
      "forbidden LOCATIONS_INVISIBLE It's not allowed to add locations if locations are invisible.",
    );
    expect(
      await failure(bytes.house.patch(id, [{ op: 'replace', path: '/locations', value: [value] }])),
    ).toBe("forbidden LOCATIONS_INVISIBLE It's not allowed to update locations if locations are invisible.");
    expect(await failure(bytes.house.patch(id, [{ op: 'remove', path: '/locations/0' }]))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete delete_image_location action.',
    );
    expect(await failure(bytes.house.create({ locations: [value] }))).toBe(
      "forbidden ATTRIBUTE_RESERVED Attribute 'locations' is reserved.",
    );
  });
});

describe('A range', () => {
  let id: string;
  beforeAll(async () => {
    id = await active();
  });

  test.each([
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=3-5', '345', 'bytes 3-5/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=5-100', '56789', 'bytes 5-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ['bytes 2-3/*', '23', 'bytes 2-3/10'],
  ])('%s', async (range, content, contentRange) => {
    const prepared = await bytes.house.client.prepareDownload(
      { caller: alice, id, range, prefer: '' },
      call(),
    );
    expect(prepared).toMatchObject({ contentRange, length: content.length });
    expect((await bytes.download(id, range)).toString()).toBe(content);
  });

  test.each([
    [
      'bytes=10-',
      /^invalid RANGE_INVALID Invalid start position in Range header. .* inclusive range \[0, 9\]\.$/,
    ],
    ['bytes=5-3', /^invalid RANGE_INVALID Invalid Range header\.$/],
    ['bytes=-', /^invalid RANGE_INVALID Invalid Range header\.$/],
    ['bytes=-0', /^invalid RANGE_INVALID/],
    ['lines=1-2', /^invalid RANGE_INVALID Invalid Range header\.$/],
    ['bytes=0-1,3-4', /^invalid QUERY_INVALID Requests with multiple ranges are not supported in Glance\./],
  ])('%s is refused', async (range, text) => {
    expect(
      await failure(bytes.house.client.prepareDownload({ caller: alice, id, range, prefer: '' }, call())),
    ).toMatch(text);
  });

  test('of an image without data is nothing', async () => {
    const empty = await bytes.house.createId({});
    const asked = { caller: alice, id: empty, range: 'bytes=1-2', prefer: '' };
    expect(await bytes.house.client.prepareDownload(asked, call())).toMatchObject({ ticket: '' });
  });

  test('comes from the store that is preferred, and only from one that there is', async () => {
    const asked = { caller: alice, id, range: '', prefer: 'slow,fast' };
    expect(await bytes.house.client.prepareDownload(asked, call())).toMatchObject({ length: 10 });
    expect(await failure(bytes.house.client.prepareDownload({ ...asked, prefer: 'nowhere' }, call()))).toBe(
      'invalid STORE_UNKNOWN Store for identifier nowhere not found',
    );
  });
});

describe('Members', () => {
  test('are all shown to the owner, to each other only themselves, and to strangers none', async () => {
    const id = await bytes.house.createId({});
    const { client } = bytes.house;
    for (const member of [OTHER, 'third'])
      await client.createMember({ caller: alice, id, body: json({ member }) }, call());
    const listed = async (caller: images.Caller): Promise<unknown[]> => {
      const document = parsed((await client.listMembers({ caller, id }, call())).json);
      expect(document['schema']).toBe('/v2/schemas/members');
      return (document['members'] as Json[]).map(({ member_id: member }) => member);
    };
    expect(await listed(alice)).toEqual([OTHER, 'third']);
    expect(await listed(admin)).toEqual([OTHER, 'third']);
    expect(await listed(dave)).toEqual([OTHER]);
    const shown = await client.getMember({ caller: dave, id, memberId: OTHER }, call());
    expect(parsed(shown.json)).toMatchObject({ member_id: OTHER, image_id: id, status: 'pending' });
    expect(await failure(client.getMember({ caller: dave, id, memberId: 'third' }, call()))).toBe(
      `not-found MEMBER_UNKNOWN third not found in the member list of the image ${id}.`,
    );
    const stranger = images.Caller.fromPartial({ ...dave, projectId: 'stranger' });
    expect(await failure(listed(stranger))).toBe(`not-found IMAGE_UNKNOWN Image ${id} not found.`);
    expect(
      await failure(client.updateMember({ caller: admin, id, memberId: OTHER, body: json({}) }, call())),
    ).toBe('invalid MEMBER_INVALID Status not specified');
    await client.updateMember(
      { caller: admin, id, memberId: OTHER, body: json({ status: 'rejected' }) },
      call(),
    );
    expect((await bytes.house.list('member_status=rejected&visibility=shared', dave)).names).toEqual([null]);
  });
});

describe('Discovery', () => {
  test.each(['image', 'images', 'member', 'members', 'task', 'tasks'])('the schema %s', async (name) => {
    const { json: document } = await bytes.house.client.getSchema({ name }, call());
    expect(parsed(document)).toMatchObject({ name, properties: expect.anything() });
  });

  test('methods and the details of stores', async () => {
    const { client } = bytes.house;
    expect(parsed((await client.getImportInfo({}, call())).json)).toEqual({
      'import-methods': {
        description: 'Import methods available.',
        type: 'array',
        value: ['glance-direct', 'web-download', 'copy-image'],
      },
    });
    const { stores } = parsed((await client.listStores({ caller: admin, detail: true }, call())).json);
    expect(stores).toMatchObject([
      {
        id: 'fast',
        default: 'true',
        type: 'file',
        properties: { data_dir: bytes.directories.fast, chunk_size: 65_536, thin_provisioning: false },
      },
      { id: 'slow', type: 'file' },
    ]);
  });
});

describe('Tasks', () => {
  test('of an image are shown to its project, newest first, as Glance has them in its database', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    await bytes.stage(id, Buffer.from('x'));
    const first = await bytes.import(id, DIRECT);
    await bytes.taskEnd(first);
    await bytes.imported(id, { method: { name: 'copy-image' }, stores: ['slow'] }, admin);
    const tasks = async (caller: images.Caller): Promise<Json[]> => {
      const answer = await bytes.house.client.listImageTasks({ caller, id }, call());
      return parsed(answer.json)['tasks'] as Json[];
    };
    const [own, ...others] = await tasks(carol);
    expect(others).toEqual([]);
    expect(own).toMatchObject({
      id: first,
      type: 'api_image_import',
      status: 'success',
      owner: DEMO,
      image_id: id,
      user_id: 'alice',
      request_id: expect.stringMatching(/^req-/),
      input: { image_id: id, import_req: DIRECT, backend: ['fast'] },
      result: { image_id: id },
      message: 'Copied 0 MiB',
      deleted: false,
      deleted_at: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.000000$/),
    });
    expect((await tasks(admin)).map(({ id: task }) => task === first)).toEqual([false, true]);
    expect(await failure(tasks(dave))).toBe('not-found RESOURCE_UNKNOWN The resource could not be found.');
  });

  test('are listed and shown to administrators', async () => {
    const { client } = bytes.house;
    const list = async (query: string): Promise<Json> =>
      parsed((await client.listTasks({ caller: admin, query }, call())).json);
    const whole = await list('');
    expect(whole).toMatchObject({ first: '/v2/tasks', schema: '/v2/schemas/tasks' });
    const all = (whole['tasks'] as Json[]).map((task) => task['id']);
    expect(Object.keys((whole['tasks'] as Json[])[0] ?? {})).not.toContain('input');
    const page = await list('limit=1');
    expect((page['tasks'] as Json[]).map((task) => task['id'])).toEqual(all.slice(0, 1));
    expect(page['next']).toBe(`/v2/tasks?limit=1&marker=${String(all[0])}`);
    const next = await list(String(page['next']).split('?')[1] ?? '');
    expect((next['tasks'] as Json[]).map((task) => task['id'])).toEqual(all.slice(1, 2));
    expect((await list('status=pending'))['tasks']).toEqual([]);
    expect((await list('type=import'))['tasks']).toEqual([]);
    expect(await failure(list('type=api_image_import'))).toBe(
      'invalid QUERY_INVALID Invalid type value: api_image_import',
    );
    expect(await failure(list('status=x'))).toBe('invalid QUERY_INVALID Invalid status value: x');
    expect(await failure(list('sort_key=x'))).toBe('invalid QUERY_INVALID Sort key supplied was not valid.');
    expect(await failure(client.listTasks({ caller: alice, query: '' }, call()))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete tasks_api_access action.',
    );
    expect(await failure(client.getTask({ caller: alice, id: String(all[0]) }, call()))).toMatch(
      /^forbidden POLICY_REFUSED/,
    );
    expect(await failure(client.getTask({ caller: admin, id: 'nonsense' }, call()))).toBe(
      'not-found TASK_UNKNOWN Could not find task nonsense',
    );
  });

  test('may be cancelled by those who may import, and not be changed after their end', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    await bytes.stage(id, Buffer.from('x'));
    const task = await bytes.import(id, DIRECT);
    await bytes.taskEnd(task);
    const { client } = bytes.house;
    expect(await failure(client.cancelTask({ caller: dave, id: task }, call()))).toMatch(/^not-found/);
    expect(await failure(client.cancelTask({ caller: carol, id: task }, call()))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete modify_image action.',
    );
    const { task: ended } = await client.cancelTask({ caller: alice, id: task }, call());
    expect(ended).toMatchObject({ status: 'success', bytesDone: 1, bytesTotal: 1 });
  });
});

describe('An import is refused', () => {
  test.each<[body: unknown, text: string]>([
    [{}, "invalid IMPORT_INVALID Import request requires a 'method' field."],
    [{ method: {} }, "invalid IMPORT_INVALID Import request requires a 'name' field."],
    [{ method: { name: 'x' } }, "invalid IMPORT_INVALID Unknown import method name 'x'."],
    [{ ...DIRECT, all_stores: 'yes' }, "invalid IMPORT_INVALID 'all_stores' must be boolean value only"],
    [
      { ...DIRECT, all_stores_must_succeed: 1 },
      "invalid IMPORT_INVALID 'all_stores_must_succeed' must be boolean value only",
    ],
    [
      { ...DIRECT, all_stores: true, stores: ['fast'] },
      "invalid IMPORT_INVALID All_stores parameter can't be used with x-image-meta-store header or stores parameter",
    ],
    [{ ...DIRECT, stores: ['nowhere'] }, 'not-ready STORE_UNKNOWN Store for identifier nowhere not found'],
    [
      { ...DIRECT, stores: ['os_glance_staging_store'] },
      'not-ready STORE_UNKNOWN Store for identifier os_glance_staging_store not found',
    ],
    [
      { method: { name: 'copy-image' } },
      'not-ready IMAGE_NOT_READY Only images with status active can be targeted for copying',
    ],
    [
      { method: { name: 'web-download', uri: 'http://a.example/x' } },
      "not-ready IMAGE_NOT_READY Image needs to be in 'queued' state to use 'web-download' method",
    ],
    [
      { method: { name: 'glance-download' } },
      "invalid IMPORT_INVALID Unknown import method name 'glance-download'.",
    ],
  ])('%j', async (body, text) => {
    const id = await bytes.house.createId(BARE_RAW);
    await bytes.stage(id, Buffer.from('x'));
    expect(await failure(bytes.import(id, body))).toBe(text);
  });

  test.each<[body: unknown]>([
    [[]],
    ['glance-direct'],
    [null],
    [{ method: 'glance-direct' }],
    [{ method: ['glance-direct'] }],
    [{ method: null }],
    [{ ...DIRECT, stores: [] }],
    [{ ...DIRECT, stores: 'fast' }],
    [{ ...DIRECT, stores: 5 }],
    [{ ...DIRECT, stores: ['fast', 'fast'] }],
    [{ method: { name: 'web-download', uri: 5 } }],
    [{ method: { name: 'web-download' } }],
  ])('that is %j, for which Glance breaks', async (body) => {
    const id = await bytes.house.createId(BARE_RAW);
    if (!JSON.stringify(body).includes('web')) await bytes.stage(id, Buffer.from('x'));
    expect(await failure(bytes.import(id, body))).toMatch(/^invalid /);
    expect(await bytes.house.get(id)).not.toHaveProperty('os_glance_import_task');
  });

  test('of what is not there, not staged, has no formats, is active, or is not the caller’s', async () => {
    const { house } = bytes;
    const queued = await house.createId(BARE_RAW);
    expect(await failure(bytes.import(queued, DIRECT))).toBe(
      "not-ready IMAGE_NOT_READY Image needs to be staged before 'glance-direct' method can be used",
    );
    const shapeless = await house.createId({});
    await bytes.stage(shapeless, Buffer.from('x'));
    expect(await failure(bytes.import(shapeless, DIRECT))).toBe(
      "not-ready IMAGE_NOT_READY 'container_format' needs to be set before import",
    );
    const done = await active();
    expect(await failure(bytes.import(done, DIRECT))).toBe(
      'not-ready IMAGE_NOT_READY Image with status active cannot be target for import',
    );
    const copy = { method: { name: 'copy-image' }, stores: ['fast'] };
    expect(await failure(bytes.import(done, copy))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete copy_image action.',
    );
    expect(await failure(bytes.import(done, copy, admin))).toBe(
      "invalid IMPORT_INVALID Image is already present at store 'fast'",
    );
    expect(await bytes.import(done, { method: { name: 'copy-image' }, all_stores: true }, admin)).not.toBe(
      '',
    );
    expect(await failure(bytes.import(queued, DIRECT, dave))).toMatch(/^not-found IMAGE_UNKNOWN/);
  });
});

describe('A copy is removed from a store', () => {
  test('by administrators, unless it is the last', async () => {
    const id = await active();
    const { client } = bytes.house;
    const remove = (storeId: string, caller = admin) =>
      client.deleteFromStore({ caller, storeId, id }, call());
    expect(await failure(remove('slow'))).toMatch(
      /^forbidden LAST_LOCATION Cannot delete image data from the only store containing it\./,
    );
    await bytes.imported(id, { method: { name: 'copy-image' }, all_stores: true }, admin);
    expect(await failure(remove('fast', alice))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete delete_image_location action.',
    );
    expect(await failure(remove('nowhere'))).toBe(
      'not-ready STORE_UNKNOWN The selected store nowhere is not available on this node.',
    );
    await remove('fast');
    expect(await bytes.house.get(id)).toMatchObject({ stores: 'slow', status: 'active' });
    await bytes.untilFilesOf(id, 'slow');
    expect((await bytes.download(id)).toString()).toBe('0123456789');
  });
});
