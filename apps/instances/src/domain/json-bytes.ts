import { readJson } from './metadata/json.ts';
import type { Json } from './metadata/json.ts';

/** More than any network or device list needs; what guests read must not be of any size. */
const MAX_BYTES = 256 * 1024;

type Container = 'object' | 'array';

/**
 * What is wrong with JSON that a guest will be given as it is, said so that a field's name can stand
 * before it; undefined when nothing is. Never quotes it.
 */
export function jsonFault(bytes: Buffer, expected: Container): string | undefined {
  if (bytes.length > MAX_BYTES) return `has ${bytes.length} bytes, at most ${MAX_BYTES} are allowed`;
  let value: Json;
  try {
    value = readJson(bytes);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return thrown.message;
    throw thrown;
  }
  if (containerOf(value) !== expected) return `is no JSON ${expected}`;
  if (Array.isArray(value) && value.some((item) => containerOf(item) !== 'object')) {
    return 'has members that are no objects';
  }
  return undefined;
}

function containerOf(value: Json): Container | undefined {
  if (Array.isArray(value)) return 'array';
  return value instanceof Map ? 'object' : undefined;
}
