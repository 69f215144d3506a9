import { invalid, type HallmarkError } from '@hallmark/errors';
import type { ImageSchema, NamedSchema, Schema } from './schema.ts';

/** What does not match, in the words of Python's jsonschema, which clients quote. */
export interface Mismatch {
  readonly message: string;
  readonly keyword: string;
  /** Where the schema says so, in Python's spelling. */
  readonly place: string;
}

/** Refuses an object that is no image. */
export function requireImageSchema(schema: ImageSchema, object: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(object)) {
    const mismatch = checkProperty(schema, name, value);
    if (mismatch) throw schemaMismatch(mismatch);
  }
}

/** Looks at one attribute or extra property. */
export function checkProperty(schema: ImageSchema, name: string, value: unknown): Mismatch | undefined {
  const known = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  return known
    ? check(known, value, `schema['properties']['${name}']`)
    : check(schema.additionalProperties, value, "schema['additionalProperties']");
}

export function schemaMismatch({ message, keyword, place }: Mismatch): HallmarkError {
  return invalid(
    'SCHEMA_MISMATCH',
    `Provided object does not match schema 'image': ${message}\n\nFailed validating '${keyword}' in ${place}`,
  );
}

function check(schema: Schema | NamedSchema, value: unknown, place: string): Mismatch | undefined {
  if ('name' in schema) return checkMembers(schema, value, place);
  const fail = (keyword: string, message: string): Mismatch => ({ keyword, message, place });
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOfType(value, type)))
    return fail('type', `${repr(value)} is not of type ${types.map((type) => `'${type}'`).join(', ')}`);
  if (schema.enum && !schema.enum.some((item) => item === value))
    return fail('enum', `${repr(value)} is not one of ${repr(schema.enum)}`);
  if (typeof value === 'string') return checkText(schema, value, fail);
  if (Array.isArray(value) && schema.items) {
    for (const item of value as readonly unknown[]) {
      const mismatch = check(schema.items, item, `${place}['items']`);
      if (mismatch) return mismatch;
    }
  }
  return checkMembers(schema, value, place);
}

function checkText(
  schema: Schema,
  value: string,
  fail: (keyword: string, message: string) => Mismatch,
): Mismatch | undefined {
  // Python counts code points.
  const { length } = Array.from(value);
  if (schema.minLength !== undefined && length < schema.minLength)
    return fail('minLength', `${repr(value)} is too short`);
  if (schema.maxLength !== undefined && length > schema.maxLength)
    return fail('maxLength', `${repr(value)} is too long`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
    return fail('pattern', `${repr(value)} does not match ${repr(schema.pattern)}`);
  return undefined;
}

function checkMembers(schema: Schema | NamedSchema, value: unknown, place: string): Mismatch | undefined {
  if (!isObject(value) || !schema.properties) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const mismatch = known
      ? check(known, member, `${place}['properties']['${name}']`)
      : schema.additionalProperties === false
        ? {
            keyword: 'additionalProperties',
            message: `Additional properties are not allowed (${repr(name)} was unexpected)`,
            place,
          }
        : undefined;
    if (mismatch) return mismatch;
  }
  const required = 'required' in schema ? (schema.required ?? []) : [];
  const missing = required.find((name) => !Object.hasOwn(value, name));
  return missing === undefined
    ? undefined
    : { keyword: 'required', message: `${repr(missing)} is a required property`, place };
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}

/** A JSON value as Python's repr() writes it. */
export function repr(value: unknown): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`);
    return quote + escaped + quote;
  }
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (isObject(value))
    return `{${Object.entries(value)
      .map(([name, member]) => `${repr(name)}: ${repr(member)}`)
      .join(', ')}}`;
  return JSON.stringify(value);
}
