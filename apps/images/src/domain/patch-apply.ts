import { conflict, forbidden, type HallmarkError } from '@hallmark/errors';
import type { Caller } from './caller.ts';
import { requireVisibility } from './create.ts';
import type { Image, ImageAttributes, Visibility } from './image.ts';
import { BASE_NAMES } from './names.ts';
import type { Change, Patch } from './patch-parse.ts';
import { refusal, type Policy } from './policy/policy.ts';
import { requireMinimum, requirePlainText, requireProperty } from './property-checks.ts';
import type { Protections } from './protections.ts';

/** What of an image changes; all else stays as it is stored. */
export interface ImageChange {
  readonly attributes: Partial<ImageAttributes>;
  readonly set: ReadonlyMap<string, string>;
  readonly removed: ReadonlySet<string>;
}

export interface PatchRules {
  readonly policy: Policy;
  readonly protections: Protections;
}

/** Formats may be told as long as no data has been made an image by them. */
const FORMATS_OPEN: ReadonlySet<string> = new Set(['queued', 'importing']);

/**
 * What a patch changes of an image, all its operations in order. Any failure is the failure of the
 * whole. The caller is known to be allowed to modify the image.
 */
export function applyPatch(image: Image, patch: Patch, caller: Caller, rules: PatchRules): ImageChange {
  const working = new Working(image, patch.addOverwrites, caller, rules);
  for (const change of patch.changes) working.apply(change);
  return working.change();
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Working {
  readonly #image: Image;
  readonly #addOverwrites: boolean;
  readonly #caller: Caller;
  readonly #rules: PatchRules;
  readonly #attributes: Mutable<Partial<ImageAttributes>> = {};
  /** Undefined: removed. What is not in it is as it was. */
  readonly #properties = new Map<string, string | undefined>();

  constructor(image: Image, addOverwrites: boolean, caller: Caller, rules: PatchRules) {
    this.#image = image;
    this.#addOverwrites = addOverwrites;
    this.#caller = caller;
    this.#rules = rules;
  }

  change(): ImageChange {
    const set = new Map<string, string>();
    const removed = new Set<string>();
    for (const [name, value] of this.#properties) {
      if (value !== undefined) set.set(name, value);
      else if (this.#image.properties.has(name)) removed.add(name);
    }
    return { attributes: this.#attributes, set, removed };
  }

  apply({ op, name, value }: Change): void {
    if (name === 'locations') throw this.#locationsRefused(op);
    const isBase = BASE_NAMES.has(name);
    if (op === 'remove') {
      if (isBase) throw forbidden('BASE_ATTRIBUTE_KEPT', `Property ${name} may not be removed.`);
      this.#removeProperty(name);
      return;
    }
    const isPresent = isBase || this.#seen(name) !== undefined;
    if (op === 'add' && !this.#addOverwrites && isPresent) {
      throw conflict('PROPERTY_EXISTS', `Property ${name} already present.`);
    }
    if (isBase) this.#setAttribute(name, value);
    else this.#setProperty(op, name, value);
  }

  /** The value as the caller sees it: what may not be read is not there. */
  #seen(name: string): string | undefined {
    if (!this.#rules.protections.allows('read', name, this.#caller)) return undefined;
    return this.#properties.has(name) ? this.#properties.get(name) : this.#image.properties.get(name)?.value;
  }

  #setProperty(op: 'add' | 'replace', name: string, value: unknown): void {
    const isThere = this.#seen(name) !== undefined;
    if (op === 'replace' && !isThere) throw propertyUnknown(name);
    this.#rules.protections.require(isThere ? 'update' : 'create', name, this.#caller);
    if (value === null) {
      this.#properties.set(name, undefined);
      return;
    }
    // The schema lets nothing pass but text and null.
    const text = typeof value === 'string' ? value : '';
    requireProperty(name, text);
    this.#properties.set(name, text);
  }

  #removeProperty(name: string): void {
    if (this.#seen(name) === undefined) throw propertyUnknown(name);
    this.#rules.protections.require('delete', name, this.#caller);
    this.#properties.set(name, undefined);
  }

  // The value has passed the schema.
  #setAttribute(name: string, value: unknown): void {
    const attributes = this.#attributes;
    switch (name) {
      case 'name':
        if (typeof value === 'string') requirePlainText('name', value);
        attributes.name = textOrNull(value);
        return;
      case 'visibility':
        this.#setVisibility(value as Visibility);
        return;
      case 'protected':
        attributes.protected = value === true;
        return;
      case 'os_hidden':
        attributes.hidden = value === true;
        return;
      case 'owner':
        if (!this.#rules.policy.isAdmin(this.#caller))
          throw forbidden('OWNER_KEPT', "Owner can't be updated by non admin.");
        attributes.owner = textOrNull(value);
        return;
      case 'container_format':
        this.#requireOpenFormat(name, value, this.#image.containerFormat);
        attributes.containerFormat = textOrNull(value);
        return;
      case 'disk_format':
        this.#requireOpenFormat(name, value, this.#image.diskFormat);
        attributes.diskFormat = textOrNull(value);
        return;
      case 'min_disk':
        requireMinimum(name, Number(value));
        attributes.minDisk = Number(value);
        return;
      case 'min_ram':
        requireMinimum(name, Number(value));
        attributes.minRam = Number(value);
        return;
      case 'tags': {
        const tags = Array.isArray(value) ? value.map(String) : [];
        for (const tag of tags) requirePlainText('tags', tag);
        attributes.tags = [...new Set(tags)];
        return;
      }
    }
  }

  #setVisibility(visibility: Visibility): void {
    const { owner } = this.#image;
    const target = { project_id: owner, owner, visibility };
    if (visibility !== this.#image.visibility)
      requireVisibility(visibility, this.#caller, target, this.#rules.policy);
    this.#attributes.visibility = visibility;
  }

  #requireOpenFormat(name: string, value: unknown, before: string | null): void {
    if (value === before || FORMATS_OPEN.has(this.#image.status)) return;
    throw forbidden('FORMAT_KEPT', `Attribute ${name} can be only replaced for a queued image.`);
  }

  #locationsRefused(op: Change['op']): HallmarkError {
    const { policy } = this.#rules;
    const rule = op === 'remove' ? 'delete_image_location' : 'set_image_location';
    if (!policy.allowsOn(rule, this.#caller, this.#image)) return refusal(rule);
    const verb = op === 'replace' ? 'update' : op;
    return forbidden(
      'LOCATIONS_INVISIBLE',
      `It's not allowed to ${verb} locations if locations are invisible.`,
    );
  }
}

const propertyUnknown = (name: string): HallmarkError =>
  conflict('PROPERTY_UNKNOWN', `Property ${name} does not exist.`);

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
