import { forbidden, invalid, type HallmarkError } from '@hallmark/errors';
import { parseBody } from './body.ts';
import { READ_ONLY_NAMES } from './names.ts';
import { requireFreeName } from './property-checks.ts';
import type { ImageSchema } from './schema.ts';
import { checkProperty, isObject, schemaMismatch } from './schema-check.ts';

export const PATCH_MEDIA_TYPES = [
  'application/openstack-images-v2.0-json-patch',
  'application/openstack-images-v2.1-json-patch',
] as const;

const OPERATIONS = ['add', 'remove', 'replace'] as const;
export type PatchOperation = (typeof OPERATIONS)[number];

export interface Change {
  readonly op: PatchOperation;
  /** The first segment of the pointer, decoded. */
  readonly name: string;
  /** What else the pointer has; only locations have any. */
  readonly rest: readonly string[];
  /** Undefined for `remove`. */
  readonly value: unknown;
}

export interface Patch {
  /** In the form of 2.0, `add` does not overwrite. */
  readonly addOverwrites: boolean;
  readonly changes: readonly Change[];
}

/** Understands a patch in either media type and checks what can be checked without the image. */
export function parsePatch(mediaType: string, body: Uint8Array, schema: ImageSchema): Patch {
  const type = mediaType.split(';', 1)[0]?.trim() ?? '';
  if (!PATCH_MEDIA_TYPES.some((known) => known === type)) {
    throw invalid(
      'PATCH_MEDIA_TYPE_UNSUPPORTED',
      `The request media type ${type} is not supported by this server.`,
    );
  }
  const operations = parseBody(body);
  if (!Array.isArray(operations))
    throw patchInvalid('Request body must be a JSON array of operation objects.');
  const isNewForm = type === PATCH_MEDIA_TYPES[1];
  const changes = operations.map((operation: unknown) => {
    if (!isObject(operation)) throw patchInvalid('Operations must be JSON objects.');
    const { op, pointer } = isNewForm ? readNewForm(operation) : readOldForm(operation);
    return readChange(op, pointer, operation, schema);
  });
  return { addOverwrites: isNewForm, changes };
}

type Operation = Readonly<Record<string, unknown>>;

/** `{"op": "add", "path": "/name", "value": …}` */
function readNewForm(operation: Operation): { op: PatchOperation; pointer: unknown } {
  const choice = `It must be one of the following: ${OPERATIONS.join(', ')}.`;
  const { op, path } = operation;
  if (op === undefined) throw patchInvalid(`Unable to find \`op\` in JSON Schema change. ${choice}`);
  if (path === undefined) throw patchInvalid("Unable to find 'path' in JSON Schema change");
  const known = OPERATIONS.find((candidate) => candidate === op);
  if (!known)
    throw patchInvalid(
      `Invalid operation: \`${typeof op === 'string' ? op : JSON.stringify(op)}\`. ${choice}`,
    );
  return { op: known, pointer: path };
}

/** `{"add": "/name", "value": …}` */
function readOldForm(operation: Operation): { op: PatchOperation; pointer: unknown } {
  const [op, second] = OPERATIONS.filter((candidate) => Object.hasOwn(operation, candidate));
  const names = '"add", "remove", or "replace".';
  if (op === undefined)
    throw patchInvalid(`Operation objects must contain exactly one member named ${names}`);
  if (second !== undefined)
    throw patchInvalid(`Operation objects must contain only one member named ${names}`);
  return { op, pointer: operation[op] };
}

function readChange(op: PatchOperation, pointer: unknown, operation: Operation, schema: ImageSchema): Change {
  const [name = '', ...rest] = segmentsOf(pointer);
  const isOneLocation = name === 'locations' && op !== 'replace';
  if (name === '' || rest.length !== (isOneLocation ? 1 : 0)) {
    throw patchInvalid(`Invalid JSON pointer for this resource: '/${[name, ...rest].join('/')}'`);
  }
  if (op !== 'remove' && !Object.hasOwn(operation, 'value')) {
    throw patchInvalid(`Operation "${op}" requires a member named "value".`);
  }
  if (READ_ONLY_NAMES.has(name)) {
    throw forbidden('ATTRIBUTE_READ_ONLY', `Attribute '${name}' is read-only.`);
  }
  requireFreeName(name);
  if (op === 'remove') return { op, name, rest, value: undefined };
  const { value } = operation;
  const mismatch = isOneLocation ? undefined : checkProperty(schema, name, value);
  if (mismatch) throw schemaMismatch(mismatch);
  return { op, name, rest, value };
}

function segmentsOf(pointer: unknown): string[] {
  const text = typeof pointer === 'string' ? pointer : '';
  const fail = (what: string): HallmarkError => patchInvalid(`Pointer \`${text}\` ${what}`);
  if (!text.startsWith('/')) throw fail('does not start with "/".');
  if (/\/\s*\//.test(text)) throw fail('contains adjacent "/".');
  if (text.length > 1 && text.endsWith('/')) throw fail('end with "/".');
  if (/~(?![01])/.test(text)) throw fail('contains "~" not part of a recognized escape sequence.');
  return text
    .slice(1)
    .split('/')
    .map((segment) => segment.trim().replaceAll('~1', '/').replaceAll('~0', '~'));
}

const patchInvalid = (message: string): HallmarkError => invalid('PATCH_INVALID', message);
