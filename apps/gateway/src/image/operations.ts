import type { images } from '@hallmark/contracts';
import { HallmarkError } from '@hallmark/errors';
import { applicationUrlOf } from './application-url.ts';
import { ImageData, type ImageDataServices } from './image-data.ts';
import { methodNotAllowed, tasksStay } from './image-failures.ts';
import { queryOf, type OperationId, type Params } from './image-paths.ts';
import { sendAccepted, sendDone, sendJson } from './image-reply.ts';
import { taskJson } from './task-json.ts';
import { bodyOf, headerOf, once, toRepeat, type ImagesClient, type Visit } from './visit.ts';

/** Answers a request; what it throws becomes the answer. */
export type Operation = (visit: Visit) => Promise<void>;

/** Operations that take a body. The others refuse one. */
export const TAKES_BODY: ReadonlySet<OperationId> = new Set([
  'createImage',
  'updateImage',
  'uploadImage',
  'stageImage',
  'importImage',
  'createMember',
  'updateMember',
  // Glance does not look whether these have one.
  'listMembers',
  'showMember',
  'deleteMember',
  'showUsage',
  'listTasks',
  'createTask',
  'showTask',
  'deleteTask',
  'cancelTask',
]);

/** What each operation does: read the request, ask images, write the answer. */
export function imageOperations(services: ImageDataServices): Readonly<Record<OperationId, Operation>> {
  const client: ImagesClient = services.images;
  const data = new ImageData(services);

  return {
    async createImage(visit) {
      const { exchange, caller } = visit;
      const body = await bodyOf(visit);
      const created = await client.createImage({ caller, body }, once(visit));
      const { id, json } = imageIn(created);
      const { importMethods, storeIds, ignoredProperties } = created;
      const headers = ['Location', `${applicationUrlOf(exchange.request)}/v2/images/${id}`];
      if (importMethods.length > 0) headers.push('OpenStack-image-import-methods', importMethods.join(','));
      if (storeIds.length > 0) headers.push('OpenStack-image-store-ids', storeIds.join(','));
      if (ignoredProperties.length > 0) {
        headers.push('Hallmark-Ignored-Properties', ignoredProperties.map(encodeURIComponent).join(','));
      }
      sendJson(exchange, json, { status: 201, headers });
    },
    async listImages(visit) {
      const { caller } = visit;
      const query = queryOf(visit.exchange.request.url ?? '');
      sendJson(visit.exchange, (await client.listImages({ caller, query }, toRepeat(visit))).json);
    },
    async showImage(visit) {
      sendJson(visit.exchange, imageIn(await client.getImage(named(visit), toRepeat(visit))).json);
    },
    async updateImage(visit) {
      const mediaType = headerOf(visit, 'content-type');
      const request = { ...named(visit), mediaType, body: await bodyOf(visit) };
      sendJson(visit.exchange, imageIn(await client.updateImage(request, once(visit))).json);
    },
    async deleteImage(visit) {
      await client.deleteImage(named(visit), once(visit));
      sendDone(visit.exchange);
    },
    async deactivateImage(visit) {
      await client.deactivateImage(named(visit), toRepeat(visit));
      sendDone(visit.exchange);
    },
    async reactivateImage(visit) {
      await client.reactivateImage(named(visit), toRepeat(visit));
      sendDone(visit.exchange);
    },

    uploadImage: async (visit) => data.upload(visit),
    stageImage: async (visit) => data.stage(visit),
    downloadImage: async (visit) => data.download(visit),
    async importImage(visit) {
      const storeId = headerOf(visit, 'x-image-meta-store');
      await client.importImage({ ...named(visit), storeId, body: await bodyOf(visit) }, once(visit));
      sendAccepted(visit.exchange);
    },

    async addTag(visit) {
      await client.addTag({ ...named(visit), tag: param(visit.params, 'tag') }, toRepeat(visit));
      sendDone(visit.exchange);
    },
    async removeTag(visit) {
      await client.removeTag({ ...named(visit), tag: param(visit.params, 'tag') }, once(visit));
      sendDone(visit.exchange);
    },

    async listMembers(visit) {
      sendJson(visit.exchange, (await client.listMembers(named(visit), toRepeat(visit))).json);
    },
    async showMember(visit) {
      sendJson(visit.exchange, (await client.getMember(member(visit), toRepeat(visit))).json);
    },
    async createMember(visit) {
      const request = { ...named(visit), body: await bodyOf(visit) };
      sendJson(visit.exchange, (await client.createMember(request, once(visit))).json);
    },
    async updateMember(visit) {
      const request = { ...member(visit), body: await bodyOf(visit) };
      sendJson(visit.exchange, (await client.updateMember(request, toRepeat(visit))).json);
    },
    async deleteMember(visit) {
      await client.deleteMember(member(visit), once(visit));
      sendDone(visit.exchange);
    },

    async deleteFromStore(visit) {
      await client.deleteFromStore({ ...named(visit), storeId: param(visit.params, 'store') }, once(visit));
      sendDone(visit.exchange);
    },

    async listImageTasks(visit) {
      sendJson(visit.exchange, (await client.listImageTasks(named(visit), toRepeat(visit))).json);
    },
    async listTasks(visit) {
      const { caller } = visit;
      const query = queryOf(visit.exchange.request.url ?? '');
      sendJson(visit.exchange, (await client.listTasks({ caller, query }, toRepeat(visit))).json);
    },
    async createTask(visit) {
      // Imports make tasks, and nobody else. Who may not see tasks is told that first.
      await client.listTasks({ caller: visit.caller, query: 'limit=1' }, toRepeat(visit));
      throw methodNotAllowed('POST', ['GET']);
    },
    async showTask(visit) {
      sendJson(visit.exchange, (await client.getTask(named(visit), toRepeat(visit))).json);
    },
    async deleteTask(visit) {
      // Who may not see tasks is told that, and nobody else learns which there are.
      await client.getTask(named(visit), toRepeat(visit)).catch(unlessUnknown);
      throw tasksStay();
    },
    async cancelTask(visit) {
      const { task } = await client.cancelTask(named(visit), toRepeat(visit));
      if (!task) throw new Error('Images cancelled a task without saying what became of it.');
      sendJson(visit.exchange, taskJson(task), { status: 202 });
    },

    async showSchema(visit) {
      const name = param(visit.params, 'name');
      sendJson(visit.exchange, (await client.getSchema({ name }, toRepeat(visit))).json);
    },
    async showImportInfo(visit) {
      sendJson(visit.exchange, (await client.getImportInfo({}, toRepeat(visit))).json);
    },
    async listStores(visit) {
      const { caller } = visit;
      sendJson(visit.exchange, (await client.listStores({ caller, detail: false }, toRepeat(visit))).json);
    },
    async listStoresInDetail(visit) {
      const { caller } = visit;
      sendJson(visit.exchange, (await client.listStores({ caller, detail: true }, toRepeat(visit))).json);
    },
    async showUsage(visit) {
      const { caller } = visit;
      sendJson(visit.exchange, (await client.getUsage({ caller }, toRepeat(visit))).json);
    },
  };
}

/** What is at that place of the path; every route that asks has it. */
const param = (params: Params, name: string): string => params[name] ?? '';

/** The image, or the task, in the path. */
const named = ({ caller, params }: Visit) => ({ caller, id: param(params, 'id') });

const member = (visit: Visit) => ({ ...named(visit), memberId: param(visit.params, 'member') });

function imageIn({ image }: { readonly image?: images.Image | undefined }): images.Image {
  if (!image) throw new Error('Images answered without the image.');
  return image;
}

function unlessUnknown(thrown: unknown): void {
  if (!(thrown instanceof HallmarkError) || thrown.code !== 'not-found') throw thrown;
}
