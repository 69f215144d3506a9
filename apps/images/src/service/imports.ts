import { forbidden, notFound, notReady } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import {
  chooseStores,
  notStaged,
  readImportRequest,
  requireImportable,
  shownRequest,
} from '../domain/import-request.ts';
import { decideInjection } from '../domain/injection.ts';
import { IMAGE_ID } from '../domain/image.ts';
import { requireLocationQuota } from '../domain/quota.ts';
import { refusal } from '../domain/policy/policy.ts';
import { storeIds } from '../domain/representation.ts';
import { parseTaskQuery, representImageTask, representListedTask, type Task } from '../domain/task.ts';
import { requireAllowedUri } from '../domain/uri-filter.ts';
import { requireAllowedLiteral } from '../imports/web-download/addresses.ts';
import { putProperties, touch } from '../store/image-records.ts';
import { announceTask } from '../store/task-work.ts';
import { insertTask, openTaskOf } from '../store/tasks.ts';
import { resourceUnknown } from './images.ts';
import { seeImage, withImage, type Workshop } from './workshop.ts';

/** Takes imports on and tells of their tasks; doing them is the workers' business. */
export class Imports {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** The task written down, or undefined when there is nothing to do. */
  async start(
    caller: Caller,
    id: string,
    { body, storeHeader, requestId }: { body: Uint8Array; storeHeader: string; requestId: string },
  ): Promise<Task | undefined> {
    const { policy, importMethods, stores, injection, uriFilter, download, quotas } = this.#shop.settings();
    const request = readImportRequest(body, importMethods);
    const rule = request.method === 'copy-image' ? 'copy_image' : 'modify_image';
    const known = {
      ids: stores.stores.map((store) => store.id),
      defaultStore: stores.defaultStore,
      isMultiStore: stores.isMultiStore,
    };
    return await withImage(this.#shop, caller, id, async (image, tx) => {
      // The state of an image is told to those who may change it; the others are refused first.
      if (!policy.allowsOn('modify_image', caller, image)) policy.requireOn(rule, caller, image);
      if (await openTaskOf(tx, id)) throw notReady('IMAGE_BUSY', 'Image has active task');
      requireImportable(image, request.method);
      // Data is still on its way there.
      if (request.method === 'glance-direct' && image.stagedKey === null) throw notStaged();
      policy.requireOn(rule, caller, image);
      const chosen = chooseStores(request, storeHeader, known, storeIds(image));
      if (request.method === 'web-download')
        requireAllowedLiteral(requireAllowedUri(request.uri, uriFilter), download.allowedNetworks);
      if (chosen.length === 0) return undefined;
      requireLocationQuota(image.locations.length + chosen.length, quotas.locations);
      const task = await insertTask(tx, {
        imageId: id,
        caller,
        requestId,
        input: {
          image_id: id,
          import_req: shownRequest(request),
          backend: stores.isMultiStore ? chosen : [null],
        },
        sourceUri: request.method === 'web-download' ? request.uri : undefined,
        injection: decideInjection(injection, request.method, caller, new Date(this.#shop.clock.now())),
      });
      await putProperties(tx, id, new Map([['os_glance_import_task', task.id]]), false);
      await touch(tx, id);
      await announceTask(tx, task.id);
      return task;
    });
  }

  /** All of them for an administrator, those of the own project for others. */
  async ofImage(caller: Caller, id: string): Promise<object> {
    const image = await seeImage(this.#shop, caller, id, resourceUnknown);
    const isAdmin = this.#shop.settings().policy.isAdmin(caller);
    const tasks = await this.#shop.tasks.ofImage(image.id, isAdmin ? undefined : caller.projectId);
    return { tasks: tasks.map(representImageTask) };
  }

  async get(caller: Caller, id: string): Promise<Task> {
    this.#shop.settings().policy.require('tasks_api_access', caller);
    return await this.#find(id);
  }

  /** The document of a page. */
  async list(caller: Caller, queryText: string): Promise<object> {
    const { policy, pageSizes } = this.#shop.settings();
    policy.require('tasks_api_access', caller);
    const query = parseTaskQuery(queryText, pageSizes);
    const after = query.marker === undefined ? undefined : await this.#find(query.marker);
    const tasks =
      query.limit === 0 ? [] : await this.#shop.tasks.list({ ...query, limit: query.limit + 1 }, after);
    const shown = tasks.slice(0, query.limit);
    const last = tasks.length > shown.length ? shown.at(-1) : undefined;
    return {
      tasks: shown.map(representListedTask),
      first: query.first,
      schema: '/v2/schemas/tasks',
      ...(last && { next: query.next(last.id) }),
    };
  }

  /** For whoever may import the image, and for the project that asked when the image is gone. */
  async cancel(caller: Caller, id: string): Promise<Task> {
    const { policy } = this.#shop.settings();
    const task = await this.#find(id);
    const image = await this.#shop.records.find(task.imageId, caller.projectId);
    const isOwn = task.owner !== null && task.owner === caller.projectId;
    const mayModify = image ? policy.allowsOn('modify_image', caller, image) : isOwn;
    if (!mayModify && !policy.isAdmin(caller)) throw isOwn ? refusal('modify_image') : taskUnknown(id);
    const asked = await this.#shop.tasks.requestCancel(id);
    if (!asked) throw taskUnknown(id);
    await announceTask(this.#shop.db.kysely, id);
    return asked;
  }

  /** Takes a copy out of a store. Its data goes afterwards. */
  async deleteFromStore(caller: Caller, storeId: string, id: string): Promise<void> {
    const { policy, stores } = this.#shop.settings();
    if (!stores.isMultiStore) throw resourceUnknown();
    await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        policy.requireOn('delete_image_location', caller, image);
        if (!stores.stores.some((store) => store.id === storeId))
          throw notReady('STORE_UNKNOWN', `The selected store ${storeId} is not available on this node.`);
        if (image.status !== 'active')
          throw notReady(
            'IMAGE_NOT_READY',
            "It's not allowed to remove image data from store if image status is not 'active'",
          );
        if (image.locations.length < 2)
          throw forbidden(
            'LAST_LOCATION',
            'Cannot delete image data from the only store containing it. Consider deleting the image instead.',
          );
        const copy = image.locations.find((location) => location.storeId === storeId);
        if (!copy) throw resourceUnknown();
        await tx.insertInto('removals').values({ store_id: copy.storeId, url: copy.url }).execute();
        await tx.deleteFrom('locations').where('image_id', '=', id).where('store_id', '=', storeId).execute();
        await touch(tx, id);
      },
      () => notFound('IMAGE_UNKNOWN', `Failed to find image ${id}`),
    );
  }

  async #find(id: string): Promise<Task> {
    const task = IMAGE_ID.test(id) ? await this.#shop.tasks.find(id) : undefined;
    if (!task) throw taskUnknown(id);
    return task;
  }
}

const taskUnknown = (id: string): Error => notFound('TASK_UNKNOWN', `Could not find task ${id}`);
