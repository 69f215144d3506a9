import { isInternal } from './image.ts';
import { BASE_NAMES, RESERVED_NAMES } from './names.ts';
import { imageSchemaOf } from './schema.ts';
import { checkProperty } from './schema-check.ts';

/** What an import injects, and for whom not. */
export interface InjectSettings {
  /** In the operator's order. */
  readonly properties: ReadonlyMap<string, string>;
  /** In lower case. */
  readonly ignoreRoles: ReadonlySet<string>;
}

/** What is wrong, option by option, and what is only doubtful. */
export interface InjectReading {
  readonly settings: InjectSettings;
  readonly faults: readonly { readonly option: 'inject' | 'ignore_user_roles'; readonly message: string }[];
  readonly warnings: readonly string[];
}

/** Nova cuts the image properties that it keeps of an instance to this. */
const NOVA_KEEPS = 255;
const LONGEST_NAME = 255;
/** What Glance's column holds. */
export const LONGEST_VALUE_BYTES = 65_535;

/**
 * Understands `[inject_metadata_properties]`. `inject` is a JSON object, as the specification
 * writes it, or Glance's `name:value,name:value`, in which a comma can stand in no value and a
 * colon in no name. -1 as `propertyQuota` is no quota.
 */
export function readInjectSettings(
  inject: string,
  ignoreUserRoles: readonly string[],
  propertyQuota: number,
): InjectReading {
  const faults: { option: 'inject' | 'ignore_user_roles'; message: string }[] = [];
  const complain = (message: string): void => {
    faults.push({ option: 'inject', message });
  };
  const properties = readPairs(inject.trim(), complain);
  for (const [name, value] of properties) checkPair(name, value, complain);
  if (propertyQuota >= 0 && properties.size > propertyQuota)
    complain(`has ${properties.size} properties, more than image_property_quota, ${propertyQuota}, allows`);
  for (const role of ignoreUserRoles) {
    if (/[[\]"'{}]/.test(role))
      faults.push({
        option: 'ignore_user_roles',
        message: `"${role}": write roles without brackets and quotes`,
      });
  }
  const warnings = [...properties]
    .filter(([, value]) => value.length > NOVA_KEEPS)
    .map(([name]) => `the value of ${name} is longer than the ${NOVA_KEEPS} characters that Nova keeps`);
  return {
    settings: { properties, ignoreRoles: new Set(ignoreUserRoles.map((role) => role.trim().toLowerCase())) },
    faults,
    warnings,
  };
}

function readPairs(text: string, complain: (message: string) => void): ReadonlyMap<string, string> {
  if (text === '') return new Map();
  if (text.startsWith('{')) return readJson(text, complain);
  return readDict(text, complain);
}

function readJson(text: string, complain: (message: string) => void): ReadonlyMap<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    complain('begins as a JSON object but is none; write {"name": "value", "name2": "value2"}');
    return new Map();
  }
  const properties = new Map<string, string>();
  for (const [name, value] of Object.entries(parsed ?? {})) {
    if (typeof value === 'string') properties.set(name, value);
    else complain(`the value of ${name} is no string; put it in quotes`);
  }
  return properties;
}

function readDict(text: string, complain: (message: string) => void): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const piece of text.split(',')) {
    const colon = piece.indexOf(':');
    const name = piece.slice(0, Math.max(colon, 0)).trim();
    if (colon < 0) {
      complain(`"${piece.trim()}" is not name:value; values with commas can only be written as JSON`);
    } else if (/["']/.test(piece)) {
      complain(`"${piece.trim()}" has quotes, which would become part of it; leave them out, or write JSON`);
    } else if (properties.has(name)) {
      complain(`has ${name} twice`);
    } else {
      properties.set(name, piece.slice(colon + 1).trim());
    }
  }
  return properties;
}

/** Formats are attributes, of which none can be injected. */
const EXTRA_PROPERTIES = imageSchemaOf({ diskFormats: [], containerFormats: [] });

function checkPair(name: string, value: string, complain: (message: string) => void): void {
  if (name === '') complain('has a property without a name');
  else if (name.length > LONGEST_NAME) complain(`has a name of more than ${LONGEST_NAME} characters`);
  else if (isInternal(name)) complain(`${name}: names that begin with os_glance are Glance's own`);
  else if (BASE_NAMES.has(name) || RESERVED_NAMES.has(name))
    complain(`${name}: is an attribute of every image, which cannot be injected`);
  else if (/[\u{10000}-\u{10FFFF}]/u.test(name + value)) complain(`${name}: has 4 byte unicode characters`);
  else if (Buffer.byteLength(value) > LONGEST_VALUE_BYTES)
    complain(`the value of ${name} is longer than ${LONGEST_VALUE_BYTES} bytes`);
  else {
    const fault = checkProperty(EXTRA_PROPERTIES, name, value);
    if (fault) complain(`${name}: ${fault.message}`);
  }
}
