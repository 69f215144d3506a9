import { invalid, notReady, type HallmarkError } from '@hallmark/errors';
import { parseBody } from './body.ts';
import type { Image } from './image.ts';
import { isObject } from './schema-check.ts';
import { withoutSecrets } from './uri-filter.ts';

export interface ImportRequest<Method extends string> {
  readonly method: Method;
  /** Of web-download. */
  readonly uri: string | undefined;
  readonly allStores: boolean;
  readonly stores: readonly string[] | undefined;
  readonly allMustSucceed: boolean;
  /** As it was, for the task. */
  readonly body: unknown;
}

const importInvalid = (message: string): HallmarkError => invalid('IMPORT_INVALID', message);
const imageNotReady = (message: string): HallmarkError => notReady('IMAGE_NOT_READY', message);

/** Understands the body of an import, in the order in which Glance complains. */
export function readImportRequest<Method extends string>(
  bytes: Uint8Array,
  enabled: readonly Method[],
): ImportRequest<Method> {
  const body = parseBody(bytes);
  if (!isObject(body) || !Object.hasOwn(body, 'method'))
    throw importInvalid("Import request requires a 'method' field.");
  const { method } = body;
  if (!isObject(method) || typeof method['name'] !== 'string')
    throw importInvalid("Import request requires a 'name' field.");
  const { name, uri } = method;
  const known = enabled.find((candidate) => candidate === name);
  if (known === undefined) throw importInvalid(`Unknown import method name '${name}'.`);
  const flag = (option: 'all_stores' | 'all_stores_must_succeed', otherwise: boolean): boolean => {
    const value = body[option] ?? otherwise;
    if (typeof value !== 'boolean') throw importInvalid(`'${option}' must be boolean value only`);
    return value;
  };
  const allMustSucceed = flag('all_stores_must_succeed', true);
  const allStores = flag('all_stores', false);
  if (uri !== undefined && typeof uri !== 'string') throw importInvalid("'uri' must be a string");
  return { method: known, uri, allStores, stores: storesOf(body['stores']), allMustSucceed, body };
}

function storesOf(stores: unknown): readonly string[] | undefined {
  if (stores === undefined) return undefined;
  if (!Array.isArray(stores) || !stores.every((store) => typeof store === 'string'))
    throw importInvalid("'stores' must be a list of store ids");
  if (stores.length === 0) throw importInvalid("'stores' must name at least one store");
  if (new Set(stores).size < stores.length) throw importInvalid("'stores' names a store twice");
  return stores;
}

export const notStaged = (): HallmarkError =>
  imageNotReady("Image needs to be staged before 'glance-direct' method can be used");

/** A request as its task shows it: everybody who may read the image may read that. */
export function shownRequest({ body, uri }: Pick<ImportRequest<string>, 'body' | 'uri'>): unknown {
  if (uri === undefined || !isObject(body) || !isObject(body['method'])) return body;
  return { ...body, method: { ...body['method'], uri: withoutSecrets(uri) } };
}

/** Whether the image is in a state from which this method can begin. */
export function requireImportable(
  { status, containerFormat, diskFormat }: Pick<Image, 'status' | 'containerFormat' | 'diskFormat'>,
  method: string,
): void {
  if (status === 'active' && method !== 'copy-image')
    throw imageNotReady('Image with status active cannot be target for import');
  if (status !== 'active' && method === 'copy-image')
    throw imageNotReady('Only images with status active can be targeted for copying');
  if (status !== 'queued' && method === 'web-download')
    throw imageNotReady("Image needs to be in 'queued' state to use 'web-download' method");
  if (status !== 'uploading' && method === 'glance-direct') throw notStaged();
  if (containerFormat === null) throw imageNotReady("'container_format' needs to be set before import");
  if (diskFormat === null) throw imageNotReady("'disk_format' needs to be set before import");
}

export interface KnownStores {
  readonly ids: readonly string[];
  readonly defaultStore: string;
  readonly isMultiStore: boolean;
}

/**
 * The stores into which an import goes; none left means that there is nothing to do. `header` is
 * `X-Image-Meta-Store`, empty for none; `present` are the stores that hold the image.
 */
export function chooseStores(
  request: Pick<ImportRequest<string>, 'method' | 'uri' | 'allStores' | 'stores' | 'allMustSucceed'>,
  header: string,
  known: KnownStores,
  present: readonly string[],
): readonly string[] {
  const { method, uri, allStores, stores, allMustSucceed } = request;
  if (!known.isMultiStore) {
    if (!allMustSucceed)
      throw importInvalid(`All_stores_must_succeed can only be set with enabled_backends ${uri ?? 'None'}`);
    if (method === 'copy-image') throw importInvalid('copy-image needs several stores');
    return [known.defaultStore];
  }
  if (allStores && (stores !== undefined || header !== ''))
    throw importInvalid(
      "All_stores parameter can't be used with x-image-meta-store header or stores parameter",
    );
  if (stores !== undefined && header !== '')
    throw importInvalid("Stores parameter and x-image-meta-store header can't be both specified");
  const wanted = allStores ? known.ids : (stores ?? [header === '' ? known.defaultStore : header]);
  for (const store of wanted) requireStore(store, known.ids);
  if (method !== 'copy-image') return wanted;
  const held = wanted.find((store) => present.includes(store));
  if (held !== undefined && !allStores)
    throw invalid('IMPORT_INVALID', `Image is already present at store '${held}'`);
  return wanted.filter((store) => !present.includes(store));
}

function requireStore(store: string, ids: readonly string[]): void {
  if (!ids.includes(store)) throw notReady('STORE_UNKNOWN', `Store for identifier ${store} not found`);
}
