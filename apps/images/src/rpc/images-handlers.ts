import type { images } from '@hallmark/contracts';
import { STARTING_UP, type Call, type Handlers } from '@hallmark/rpc';
import { invalid, unavailable } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import { representMember } from '../domain/representation.ts';
import { representTask } from '../domain/task.ts';
import { Discovery } from '../service/discovery.ts';
import { Images } from '../service/images.ts';
import { Imports } from '../service/imports.ts';
import { Members } from '../service/members.ts';
import { Placements } from '../service/placements.ts';
import { Transfers } from '../service/transfers.ts';
import { showImage, type Workshop } from '../service/workshop.ts';
import type { FoundImage } from '../store/image-rows.ts';
import {
  callerFromWire,
  explanationToWire,
  imageToWire,
  jsonBytes,
  questionFromWire,
  taskToWire,
} from './wire.ts';

/** A request that names who asks, and most often an image. */
type Asked = { readonly caller?: images.Caller | undefined; readonly id?: string };

/** `hallmark.images.v1.ImagesService`. */
export class ImagesHandlers implements Handlers<typeof images.ImagesServiceService> {
  readonly #shop: Workshop;
  readonly #isMigrated: () => boolean;
  readonly #images: Images;
  readonly #members: Members;
  readonly #transfers: Transfers;
  readonly #imports: Imports;
  readonly #discovery: Discovery;
  readonly #placements: Placements;

  /** `isMigrated` tells whether the tables are there yet. */
  constructor(shop: Workshop, isMigrated: () => boolean) {
    this.#shop = shop;
    this.#isMigrated = isMigrated;
    this.#images = new Images(shop);
    this.#members = new Members(shop);
    this.#transfers = new Transfers(shop);
    this.#imports = new Imports(shop);
    this.#discovery = new Discovery(shop);
    this.#placements = new Placements(shop);
  }

  getVersions({ applicationUrl }: images.GetVersionsRequest): Promise<images.GetVersionsResponse> {
    const { document, minors } = this.#discovery.versions(applicationUrl);
    return Promise.resolve({ json: jsonBytes(document), minors });
  }

  async createImage(request: images.CreateImageRequest, call: Call): Promise<images.CreateImageResponse> {
    const caller = this.#begin(request, call);
    const { image, ignored } = await this.#images.create(caller, request.body);
    call.event['imageId'] = image.id;
    const { importMethods, stores } = this.#shop.settings();
    return {
      image: this.#show(image, caller),
      importMethods: [...importMethods],
      storeIds: stores.isMultiStore ? stores.stores.map(({ id }) => id) : [],
      ignoredProperties: [...ignored],
    };
  }

  async getImage(request: images.GetImageRequest, call: Call): Promise<images.GetImageResponse> {
    const caller = this.#begin(request, call);
    return { image: this.#show(await this.#images.get(caller, request.id), caller) };
  }

  async listImages(request: images.ListImagesRequest, call: Call): Promise<images.ListImagesResponse> {
    const { document, count } = await this.#images.list(this.#begin(request, call), request.query);
    call.event['images'] = count;
    return { json: jsonBytes(document), count };
  }

  async updateImage(request: images.UpdateImageRequest, call: Call): Promise<images.UpdateImageResponse> {
    const caller = this.#begin(request, call);
    const image = await this.#images.update(caller, request.id, request.mediaType, request.body);
    return { image: this.#show(image, caller) };
  }

  async deleteImage(request: images.DeleteImageRequest, call: Call): Promise<images.DeleteImageResponse> {
    await this.#images.delete(this.#begin(request, call), request.id);
    return {};
  }

  async deactivateImage(
    request: images.DeactivateImageRequest,
    call: Call,
  ): Promise<images.DeactivateImageResponse> {
    await this.#images.setActive(this.#begin(request, call), request.id, false);
    return {};
  }

  async reactivateImage(
    request: images.ReactivateImageRequest,
    call: Call,
  ): Promise<images.ReactivateImageResponse> {
    await this.#images.setActive(this.#begin(request, call), request.id, true);
    return {};
  }

  async addTag(request: images.AddTagRequest, call: Call): Promise<images.AddTagResponse> {
    await this.#images.addTag(this.#begin(request, call), request.id, request.tag);
    return {};
  }

  async removeTag(request: images.RemoveTagRequest, call: Call): Promise<images.RemoveTagResponse> {
    await this.#images.removeTag(this.#begin(request, call), request.id, request.tag);
    return {};
  }

  async listMembers(request: images.ListMembersRequest, call: Call): Promise<images.ListMembersResponse> {
    const members = await this.#members.list(this.#begin(request, call), request.id);
    return { json: jsonBytes({ members: members.map(representMember), schema: '/v2/schemas/members' }) };
  }

  async getMember(request: images.GetMemberRequest, call: Call): Promise<images.GetMemberResponse> {
    const member = await this.#members.get(this.#begin(request, call), request.id, request.memberId);
    return { json: jsonBytes(representMember(member)) };
  }

  async createMember(request: images.CreateMemberRequest, call: Call): Promise<images.CreateMemberResponse> {
    const member = await this.#members.create(this.#begin(request, call), request.id, request.body);
    return { json: jsonBytes(representMember(member)) };
  }

  async updateMember(request: images.UpdateMemberRequest, call: Call): Promise<images.UpdateMemberResponse> {
    const caller = this.#begin(request, call);
    const member = await this.#members.update(caller, request.id, request.memberId, request.body);
    return { json: jsonBytes(representMember(member)) };
  }

  async deleteMember(request: images.DeleteMemberRequest, call: Call): Promise<images.DeleteMemberResponse> {
    await this.#members.delete(this.#begin(request, call), request.id, request.memberId);
    return {};
  }

  getSchema({ name }: images.GetSchemaRequest): Promise<images.GetSchemaResponse> {
    return Promise.resolve().then(() => ({ json: jsonBytes(this.#discovery.schema(name)) }));
  }

  getImportInfo(): Promise<images.GetImportInfoResponse> {
    return Promise.resolve({ json: jsonBytes(this.#discovery.importInfo()) });
  }

  listStores(request: images.ListStoresRequest): Promise<images.ListStoresResponse> {
    return Promise.resolve().then(() => {
      const stores = this.#discovery.stores(this.#caller(request), request.detail);
      return { json: jsonBytes(stores) };
    });
  }

  getUsage(): Promise<images.GetUsageResponse> {
    return Promise.resolve({ json: jsonBytes(this.#discovery.usage()) });
  }

  async deleteFromStore(
    request: images.DeleteFromStoreRequest,
    call: Call,
  ): Promise<images.DeleteFromStoreResponse> {
    await this.#imports.deleteFromStore(this.#begin(request, call), request.storeId, request.id);
    return {};
  }

  async prepareUpload(
    request: images.PrepareUploadRequest,
    call: Call,
  ): Promise<images.PrepareUploadResponse> {
    const { contentType, storeId, declaredSize } = request;
    const incoming = { contentType, storeId, declaredSize, ...incomingOf(request, call) };
    return { ticket: await this.#transfers.prepareUpload(this.#begin(request, call), request.id, incoming) };
  }

  async prepareStage(request: images.PrepareStageRequest, call: Call): Promise<images.PrepareStageResponse> {
    const incoming = { contentType: request.contentType, ...incomingOf(request, call) };
    return { ticket: await this.#transfers.prepareStage(this.#begin(request, call), request.id, incoming) };
  }

  async prepareDownload(
    request: images.PrepareDownloadRequest,
    call: Call,
  ): Promise<images.PrepareDownloadResponse> {
    const prepared = await this.#transfers.prepareDownload(this.#begin(request, call), request.id, request);
    if (!prepared) return { ticket: '', length: 0, contentRange: '', checksum: '' };
    const { ticket, range, checksum } = prepared;
    return { ticket, length: range.length, contentRange: range.contentRange, checksum: checksum ?? '' };
  }

  async importImage(request: images.ImportImageRequest, call: Call): Promise<images.ImportImageResponse> {
    const { body, storeId: storeHeader } = request;
    const { requestId } = call;
    const task = await this.#imports.start(this.#begin(request, call), request.id, {
      body,
      storeHeader,
      requestId,
    });
    call.event['taskId'] = task?.id;
    return { taskId: task?.id ?? '' };
  }

  async listImageTasks(
    request: images.ListImageTasksRequest,
    call: Call,
  ): Promise<images.ListImageTasksResponse> {
    return { json: jsonBytes(await this.#imports.ofImage(this.#begin(request, call), request.id)) };
  }

  async getTask(request: images.GetTaskRequest, call: Call): Promise<images.GetTaskResponse> {
    const task = await this.#imports.get(this.#begin(request, call), request.id);
    return { json: jsonBytes(representTask(task)), task: taskToWire(task) };
  }

  async listTasks(request: images.ListTasksRequest, call: Call): Promise<images.ListTasksResponse> {
    return { json: jsonBytes(await this.#imports.list(this.#begin(request, call), request.query)) };
  }

  async cancelTask(request: images.CancelTaskRequest, call: Call): Promise<images.CancelTaskResponse> {
    return { task: taskToWire(await this.#imports.cancel(this.#begin(request, call), request.id)) };
  }

  async explainPlacement(
    request: images.ExplainPlacementRequest,
    call: Call,
  ): Promise<images.ExplainPlacementResponse> {
    const names = request.hosts.map(({ name }) => name);
    if (names.includes('') || new Set(names).size < names.length)
      throw invalid('PLACEMENT_INVALID', 'Every host needs a name of its own.');
    const question = questionFromWire(request);
    const caller = this.#begin(request, call);
    return explanationToWire(await this.#placements.explain(caller, request.imageId, question));
  }

  /** Who asks, for a call that needs the database. */
  #begin(request: Asked, call: Call): Caller {
    if (request.id !== undefined) call.event['imageId'] = request.id;
    if (!this.#isMigrated())
      throw unavailable(STARTING_UP, 'PostgreSQL has not been reached yet.', {
        retryAfterSeconds: 1,
      });
    return this.#caller(request);
  }

  #caller({ caller }: Asked): Caller {
    return callerFromWire(caller, this.#shop.settings().enforceScope);
  }

  #show(image: FoundImage, caller: Caller): images.Image {
    return imageToWire(
      image,
      showImage(this.#shop, image, caller),
      this.#shop.settings().stores.isMultiStore,
    );
  }
}

const incomingOf = ({ contentLength }: { contentLength?: number | undefined }, { requestId }: Call) => ({
  contentLength,
  requestId,
});
