import { forbidden, invalid } from '@hallmark/errors';
import { parseBody } from './body.ts';
import type { Caller } from './caller.ts';
import type { ImageAttributes, Visibility } from './image.ts';
import { silentlyIgnored, type InjectionPolicy } from './injection.ts';
import { BASE_NAMES, NEVER_IN_CREATE, READ_ONLY_IN_CREATE } from './names.ts';
import { refusal, type Policy } from './policy/policy.ts';
import { requireFreeName, requireMinimum, requirePlainText, requireProperty } from './property-checks.ts';
import type { Protections } from './protections.ts';
import { requirePropertyQuota, requireTagQuota, type Quotas } from './quota.ts';
import type { ImageSchema } from './schema.ts';
import { isObject, requireImageSchema } from './schema-check.ts';

/** An image to be. */
export interface ImageDraft extends ImageAttributes {
  /** Undefined: one is made. */
  readonly id: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
  /** Names that the operator keeps for injection and that were dropped. */
  readonly ignored: readonly string[];
}

export interface CreateRules {
  readonly schema: ImageSchema;
  readonly policy: Policy;
  readonly protections: Protections;
  readonly injection: Pick<InjectionPolicy, 'settings' | 'injects'>;
  readonly quotas: Pick<Quotas, 'properties' | 'tags'>;
}

/**
 * Makes of a body what is to be stored. The order of the checks is Glance's, because the first
 * failure is what a client sees; only that names kept for injection are dropped before protections
 * and quota look.
 */
export function draftImage(body: Uint8Array, caller: Caller, rules: CreateRules): ImageDraft {
  const given = parseBody(body);
  if (!isObject(given)) throw invalid('BODY_INVALID', 'Unexpected body type. Expected dict.');
  requireShape(given, rules.schema);

  const attributes = readAttributes(given, caller);
  authorize(attributes, Object.hasOwn(given, 'visibility'), caller, rules.policy);

  // A null, which the schema allows for kernel_id and ramdisk_id, is no value.
  const extra = Object.entries(given).filter(([name, value]) => !BASE_NAMES.has(name) && value !== null);
  const names = extra.map(([name]) => name);
  const ignored = silentlyIgnored(rules.injection, names, caller);
  const properties = new Map(
    extra
      .filter(([name]) => !ignored.includes(name))
      .map(([name, value]) => [name, typeof value === 'string' ? value : '']),
  );
  for (const name of properties.keys()) rules.protections.require('create', name, caller);
  requireTagQuota(attributes.tags.length, rules.quotas.tags);
  requireWritable(given);
  requirePropertyQuota([], properties.keys(), rules.quotas.properties);

  const { id } = given;
  return { ...attributes, id: typeof id === 'string' ? id : undefined, properties, ignored };
}

function requireShape(given: Readonly<Record<string, unknown>>, schema: ImageSchema): void {
  for (const name of NEVER_IN_CREATE) {
    if (Object.hasOwn(given, name)) {
      throw forbidden('ATTRIBUTE_READ_ONLY', `Attribute '${name}' is read-only.`);
    }
  }
  requireImageSchema(schema, given);
  for (const [name, value] of Object.entries(given)) {
    if (BASE_NAMES.has(name)) continue;
    requireProperty(name, typeof value === 'string' ? value : '');
    requireFreeName(name);
  }
  if (typeof given['name'] === 'string') requirePlainText('name', given['name']);
  for (const tag of tagsOf(given)) requirePlainText('tags', tag);
  for (const name of ['min_disk', 'min_ram'] as const) {
    const value = given[name];
    if (typeof value === 'number') requireMinimum(name, value);
  }
}

function readAttributes(given: Readonly<Record<string, unknown>>, caller: Caller): ImageAttributes {
  const text = (name: string): string | null => {
    const value = given[name];
    return typeof value === 'string' ? value : null;
  };
  const number = (name: string): number => {
    const value = given[name];
    return typeof value === 'number' ? value : 0;
  };
  return {
    name: text('name'),
    visibility: (text('visibility') ?? 'shared') as Visibility,
    protected: given['protected'] === true,
    hidden: given['os_hidden'] === true,
    owner: Object.hasOwn(given, 'owner') ? text('owner') : caller.projectId || null,
    containerFormat: text('container_format'),
    diskFormat: text('disk_format'),
    minDisk: number('min_disk'),
    minRam: number('min_ram'),
    tags: [...new Set(tagsOf(given))],
  };
}

function tagsOf(given: Readonly<Record<string, unknown>>): readonly string[] {
  const { tags } = given;
  return Array.isArray(tags) ? tags.map(String) : [];
}

function authorize(
  { owner, visibility }: ImageAttributes,
  saysVisibility: boolean,
  caller: Caller,
  policy: Policy,
): void {
  if (owner !== (caller.projectId || null) && !policy.isAdmin(caller)) {
    throw forbidden(
      'OWNER_FORBIDDEN',
      `You are not permitted to create images owned by '${owner ?? 'None'}'`,
    );
  }
  const target = { project_id: owner, owner, visibility };
  if (!policy.allows('add_image', caller, target)) throw refusal('add_image');
  if (saysVisibility) requireVisibility(visibility, caller, target, policy);
}

/** Making an image known to everyone, or to the community, has a rule of its own. */
export function requireVisibility(
  visibility: string,
  caller: Caller,
  target: Readonly<Record<string, string | null>>,
  policy: Policy,
): void {
  const rule =
    visibility === 'public'
      ? 'publicize_image'
      : visibility === 'community'
        ? 'communitize_image'
        : undefined;
  if (rule !== undefined && !policy.allows(rule, caller, target)) throw refusal(rule);
}

function requireWritable(given: Readonly<Record<string, unknown>>): void {
  for (const name of READ_ONLY_IN_CREATE) {
    if (Object.hasOwn(given, name)) {
      throw forbidden('ATTRIBUTE_READ_ONLY', `Attribute '${name}' is read-only.`);
    }
  }
  if (Object.hasOwn(given, 'locations')) {
    throw forbidden('ATTRIBUTE_RESERVED', "Attribute 'locations' is reserved.");
  }
}
