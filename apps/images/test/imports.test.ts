import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { usePostgres } from '@hallmark/testing';
import { admin, alice, bytes, call, carol, dave, failure, House, parsed, type Json } from './house.ts';

const postgres = usePostgres();
let house: House;

const INI = `
[DEFAULT]
enabled_backends = fast:file, slow:file
image_size_cap = 1000000
user_storage_quota = 8KB
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = /nowhere
[inject_metadata_properties]
inject = hallmark_origin:import-gw
`;

beforeAll(async () => {
  house = await House.open({ database: await postgres.current.createDatabase(), ini: INI });
});
afterAll(async () => house[Symbol.asyncDispose]());

const FORMATS = { disk_format: 'raw', container_format: 'bare' };

async function inStatus(status: string, caller = alice): Promise<string> {
  const id = await house.createId(FORMATS, caller);
  if (status === 'active') await house.fill(id, 'fast');
  else await house.rows('UPDATE images SET status = $2 WHERE id = $1', [id, status]);
  return id;
}

const start = async (id: string, body: unknown, caller = alice, storeId = ''): Promise<string> =>
  (await house.client.importImage({ caller, id, body: bytes(body), storeId }, call())).taskId;

const direct = (more: Json = {}): Json => ({ method: { name: 'glance-direct' }, ...more });

describe('An import taken on', () => {
  test('is a task with the decision about injection, and locks the image', async () => {
    const id = await inStatus('uploading');
    const options = call();
    const request = { caller: alice, id, body: bytes(direct()), storeId: '' };
    const { taskId } = await house.client.importImage(request, options);
    const tasks = parsed((await house.client.listImageTasks({ caller: carol, id }, call())).json);
    expect(tasks).toEqual({
      tasks: [
        {
          id: taskId,
          type: 'api_image_import',
          status: 'pending',
          owner: alice.projectId,
          expires_at: null,
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/),
          updated_at: expect.any(String),
          deleted_at: null,
          deleted: false,
          image_id: id,
          request_id: options.requestId,
          user_id: 'alice',
          input: { image_id: id, import_req: direct(), backend: ['fast'] },
          result: null,
          message: '',
        },
      ],
    });
    const { task } = await house.client.getTask({ caller: admin, id: taskId }, call());
    expect(task?.injection).toMatchObject({
      injected: true,
      userId: 'alice',
      roles: ['member', 'reader'],
      properties: { hallmark_origin: 'import-gw' },
    });
    expect(await house.get(id)).toMatchObject({ os_glance_import_task: taskId });
    expect(await failure(start(id, direct()))).toBe('not-ready IMAGE_BUSY Image has active task');
  });

  test('an administrator decides not to inject', async () => {
    const taskId = await start(await inStatus('uploading'), direct(), admin);
    const { task } = await house.client.getTask({ caller: admin, id: taskId }, call());
    expect(task?.injection).toMatchObject({ injected: false, rule: 'role admin is in ignore_user_roles' });
  });

  test('of two at once, one is taken on', async () => {
    const id = await inStatus('uploading');
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => failure(start(id, direct()))));
    expect(outcomes.toSorted()).toEqual([
      ...Array<string>(3).fill('not-ready IMAGE_BUSY Image has active task'),
      'succeeded',
    ]);
  });

  test('goes to all stores, and a copy to those that lack it', async () => {
    const everywhere = await start(await inStatus('uploading'), direct({ all_stores: true }));
    const copied = await inStatus('active');
    const copy = { method: { name: 'copy-image' }, all_stores: true };
    const missing = await start(copied, copy, admin);
    const backends = async (id: string): Promise<unknown> =>
      (parsed((await house.client.getTask({ caller: admin, id }, call())).json)['input'] as Json)['backend'];
    expect([await backends(everywhere), await backends(missing)]).toEqual([['fast', 'slow'], ['slow']]);

    const full = await house.createId(FORMATS);
    await house.fill(full, 'fast', 'slow');
    expect(await start(full, copy, admin)).toBe('');
  });
});

describe('An import refused', () => {
  test.each<[status: string, body: unknown, caller: typeof alice, text: string]>([
    ['uploading', {}, alice, "invalid IMPORT_INVALID Import request requires a 'method' field."],
    ['uploading', [], alice, "invalid IMPORT_INVALID Import request requires a 'method' field."],
    ['uploading', { method: {} }, alice, "invalid IMPORT_INVALID Import request requires a 'name' field."],
    [
      'uploading',
      { method: 'glance-direct' },
      alice,
      "invalid IMPORT_INVALID Import request requires a 'name' field.",
    ],
    [
      'uploading',
      { method: { name: 'bogus' } },
      alice,
      "invalid IMPORT_INVALID Unknown import method name 'bogus'.",
    ],
    [
      'uploading',
      direct({ all_stores: 'x' }),
      alice,
      "invalid IMPORT_INVALID 'all_stores' must be boolean value only",
    ],
    [
      'uploading',
      direct({ all_stores_must_succeed: 'x' }),
      alice,
      "invalid IMPORT_INVALID 'all_stores_must_succeed' must be boolean value only",
    ],
    [
      'active',
      direct(),
      alice,
      'not-ready IMAGE_NOT_READY Image with status active cannot be target for import',
    ],
    [
      'queued',
      direct(),
      alice,
      "not-ready IMAGE_NOT_READY Image needs to be staged before 'glance-direct' method can be used",
    ],
    [
      'uploading',
      { method: { name: 'web-download' } },
      alice,
      "not-ready IMAGE_NOT_READY Image needs to be in 'queued' state to use 'web-download' method",
    ],
    [
      'uploading',
      { method: { name: 'copy-image' } },
      alice,
      'not-ready IMAGE_NOT_READY Only images with status active can be targeted for copying',
    ],
    [
      'active',
      { method: { name: 'copy-image' } },
      alice,
      'forbidden POLICY_REFUSED You are not authorized to complete copy_image action.',
    ],
    [
      'uploading',
      direct(),
      carol,
      'forbidden POLICY_REFUSED You are not authorized to complete modify_image action.',
    ],
    [
      'queued',
      direct(),
      carol,
      'forbidden POLICY_REFUSED You are not authorized to complete modify_image action.',
    ],
    [
      'uploading',
      direct({ stores: ['bogus'] }),
      alice,
      'not-ready STORE_UNKNOWN Store for identifier bogus not found',
    ],
    [
      'uploading',
      direct({ stores: [] }),
      alice,
      "invalid IMPORT_INVALID 'stores' must name at least one store",
    ],
    [
      'uploading',
      direct({ stores: 'fast' }),
      alice,
      "invalid IMPORT_INVALID 'stores' must be a list of store ids",
    ],
    [
      'uploading',
      direct({ stores: ['fast', 'fast'] }),
      alice,
      "invalid IMPORT_INVALID 'stores' names a store twice",
    ],
    [
      'uploading',
      direct({ all_stores: true, stores: ['fast'] }),
      alice,
      "invalid IMPORT_INVALID All_stores parameter can't be used with x-image-meta-store header or stores parameter",
    ],
    [
      'active',
      { method: { name: 'copy-image' }, stores: ['fast'] },
      admin,
      "invalid IMPORT_INVALID Image is already present at store 'fast'",
    ],
    [
      'queued',
      { method: { name: 'web-download', uri: 'ftp://host/x' } },
      alice,
      'invalid URI_REFUSED URI for web-download does not pass filtering: ftp://host/x',
    ],
    [
      'queued',
      { method: { name: 'web-download', uri: 'http://host:9696/x' } },
      alice,
      'invalid URI_REFUSED URI for web-download does not pass filtering: http://host:9696/x',
    ],
    [
      'queued',
      { method: { name: 'web-download' } },
      alice,
      'invalid URI_REFUSED URI for web-download does not pass filtering: None',
    ],
  ])('%s, %j', async (status, body, caller, text) => {
    expect(await failure(start(await inStatus(status), body, caller))).toBe(text);
  });

  test('as missing, where the image may not be seen', async () => {
    const id = await inStatus('uploading');
    expect(await failure(start(id, direct(), dave))).toBe(
      `not-found IMAGE_UNKNOWN No image found with ID ${id}`,
    );
  });

  test('when formats are not told', async () => {
    const id = await house.createId({ disk_format: 'raw' });
    await house.rows("UPDATE images SET status = 'uploading' WHERE id = $1", [id]);
    expect(await failure(start(id, direct()))).toBe(
      "not-ready IMAGE_NOT_READY 'container_format' needs to be set before import",
    );
  });
});

describe('Tasks', () => {
  test('are for administrators, but those of an image for whoever sees it', async () => {
    const id = await inStatus('uploading');
    const taskId = await start(id, direct());
    const refused = 'forbidden POLICY_REFUSED You are not authorized to complete tasks_api_access action.';
    expect(await failure(house.client.getTask({ caller: alice, id: taskId }, call()))).toBe(refused);
    expect(await failure(house.client.listTasks({ caller: alice, query: '' }, call()))).toBe(refused);
    expect(await failure(house.client.listImageTasks({ caller: dave, id }, call()))).toBe(
      'not-found RESOURCE_UNKNOWN The resource could not be found.',
    );
    expect(await failure(house.client.getTask({ caller: admin, id: 'nope' }, call()))).toBe(
      'not-found TASK_UNKNOWN Could not find task nope',
    );
    const page = parsed((await house.client.listTasks({ caller: admin, query: 'limit=2' }, call())).json);
    const tasks = page['tasks'] as Json[];
    expect(tasks.map((task) => Object.keys(task))[0]).toEqual([
      'id',
      'type',
      'status',
      'owner',
      'created_at',
      'updated_at',
      'self',
      'schema',
    ]);
    expect(tasks[0]).toMatchObject({ id: taskId });
    expect(page['next']).toBe(`/v2/tasks?limit=2&marker=${String(tasks[1]?.['id'])}`);
    const behind = await house.client.listTasks({ caller: admin, query: `marker=${taskId}&limit=1` }, call());
    expect((parsed(behind.json)['tasks'] as Json[])[0]).toMatchObject({ id: tasks[1]?.['id'] });
  });

  test('can be cancelled by whoever may import', async () => {
    const taskId = await start(await inStatus('uploading'), direct());
    const cancel = (caller: typeof alice) => house.client.cancelTask({ caller, id: taskId }, call());
    expect(await failure(cancel(dave))).toBe(`not-found TASK_UNKNOWN Could not find task ${taskId}`);
    expect(await failure(cancel(carol))).toMatch(/^forbidden POLICY_REFUSED/);
    await cancel(alice);
    expect(await house.rows('SELECT cancel_requested FROM tasks WHERE id = $1', [taskId])).toEqual([
      { cancel_requested: true },
    ]);
  });
});

describe('Tickets', () => {
  const upload = (id: string, more: Json = {}) =>
    house.client.prepareUpload(
      { caller: alice, id, contentType: 'application/octet-stream', storeId: '', declaredSize: '', ...more },
      call(),
    );
  const stage = (id: string, contentType = 'application/octet-stream') =>
    house.client.prepareStage({ caller: alice, id, contentType }, call());

  test('are given for what could be done', async () => {
    const id = await house.createId(FORMATS);
    expect((await upload(id, { storeId: 'slow', contentLength: 5 })).ticket).toMatch(/^[\w-]{43}$/);
    expect((await stage(id)).ticket).toMatch(/^[\w-]{43}$/);
    await house.fill(id, 'fast', 'slow');
    const download = await house.client.prepareDownload(
      { caller: alice, id, range: 'bytes=-24', prefer: 'slow' },
      call(),
    );
    expect(download).toEqual({
      ticket: expect.stringMatching(/^[\w-]{43}$/),
      length: 24,
      contentRange: 'bytes 1000-1023/1024',
      checksum: '7265f4d211b56873a381d321f586e4a9',
    });
    const rows = await house.rows("SELECT payload FROM tickets WHERE kind = 'downloads'");
    expect(JSON.parse(String(rows[0]?.['payload']))).toEqual({
      imageId: id,
      copies: [
        { storeId: 'slow', url: `file:///slow/${id}` },
        { storeId: 'fast', url: `file:///fast/${id}` },
      ],
      offset: 1000,
      length: 24,
    });
  });

  test('are refused for the rest', async () => {
    const queued = await house.createId(FORMATS);
    const formless = await house.createId({});
    const active = await inStatus('active');
    const download = (range: string) =>
      house.client.prepareDownload({ caller: alice, id: active, range, prefer: '' }, call());
    expect(
      await Promise.all([
        failure(upload(active)),
        failure(upload(formless)),
        failure(upload(queued, { contentType: 'text/plain' })),
        failure(upload(queued, { contentType: '' })),
        failure(upload(queued, { storeId: 'bogus' })),
        failure(upload(queued, { declaredSize: 'x' })),
        failure(upload(queued, { declaredSize: '1000001' })),
        failure(upload(queued, { contentLength: 900_000 })).then((text) =>
          text.replace(/\d+ bytes/, 'N bytes'),
        ),
        failure(stage(active)),
        failure(stage(queued, 'application/json')),
        failure(download('bytes=5000-')),
        failure(download('bytes=x')),
        failure(download('bytes=0-1,3-4')),
        house.client.prepareDownload({ caller: alice, id: queued, range: '', prefer: '' }, call()),
      ]),
    ).toEqual([
      'not-ready STATUS_TRANSITION Image status transition from active to saving is not allowed',
      'invalid FORMATS_UNSET Properties disk_format, container_format must be set prior to saving data.',
      'invalid MEDIA_TYPE_UNSUPPORTED The request media type text/plain is not supported by this server.',
      'invalid MEDIA_TYPE_UNSUPPORTED The request media type text/plain is not supported by this server.',
      'invalid STORE_UNKNOWN Store for identifier bogus not found',
      'invalid SIZE_INVALID Invalid or missing image size in request headers.',
      'over-quota SIZE_CAP The incoming image is too large: The provided image is too large.',
      'over-quota STORAGE_QUOTA Image exceeds the storage quota: The size of the data 900000 will exceed the limit. N bytes remaining.',
      'not-ready STATUS_TRANSITION Image status transition from active to uploading is not allowed',
      'invalid MEDIA_TYPE_UNSUPPORTED The request media type application/json is not supported by this server.',
      'invalid RANGE_INVALID Invalid start position in Range header. Start position MUST be in the inclusive range [0, 1023].',
      'invalid RANGE_INVALID Invalid Range header.',
      'invalid QUERY_INVALID Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.',
      { ticket: '', length: 0, contentRange: '', checksum: '' },
    ]);
  });
});

describe('Copies', () => {
  test('leave a store, but not the last', async () => {
    const id = await house.createId(FORMATS);
    await house.fill(id, 'fast', 'slow');
    const remove = (storeId: string, caller = admin) =>
      house.client.deleteFromStore({ caller, storeId, id }, call());
    expect(await failure(remove('slow', alice))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete delete_image_location action.',
    );
    expect(await failure(remove('bogus'))).toBe(
      'not-ready STORE_UNKNOWN The selected store bogus is not available on this node.',
    );
    await remove('slow');
    expect(await failure(remove('fast'))).toBe(
      'forbidden LAST_LOCATION Cannot delete image data from the only store containing it. Consider deleting the image instead.',
    );
    expect(await house.get(id)).toMatchObject({ stores: 'fast' });
  });
});

describe('Placement', () => {
  test('is explained for an image and for properties alone', async () => {
    const id = await house.createId({ 'trait:CUSTOM_A': 'required' });
    const host = { supportedInstances: [], hypervisorVersion: '' };
    const request = {
      caller: alice,
      properties: {},
      flavorExtraSpecs: {},
      hosts: [
        { name: 'h1', traits: ['CUSTOM_A'], ...host },
        { name: 'h2', traits: [], ...host },
      ],
      aggregates: [],
    };
    const verdicts = async (more: { imageId: string; properties?: Record<string, string> }) =>
      (await house.client.explainPlacement({ ...request, ...more }, call())).hosts.map(
        ({ possible }) => possible,
      );
    expect(await verdicts({ imageId: id })).toEqual([true, false]);
    expect(await verdicts({ imageId: '' })).toEqual([true, true]);
    expect(await verdicts({ imageId: '', properties: { 'trait:CUSTOM_B': 'required' } })).toEqual([
      false,
      false,
    ]);
    expect(
      await failure(house.client.explainPlacement({ ...request, imageId: id, caller: dave }, call())),
    ).toMatch(/^not-found/);
  });
});
