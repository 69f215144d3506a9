/** More than any network or device list needs; what guests read must not be of any size. */
const MAX_BYTES = 256 * 1024;
/** Python's reader, which guests use, gives up near 1,000; what is wrapped around takes some. */
const MAX_DEPTH = 100;

type Container = 'object' | 'array';

/**
 * What is wrong with JSON that a guest will be given as it is, said so that a field's name can stand
 * before it; undefined when nothing is. Never quotes it.
 */
export function jsonFault(bytes: Uint8Array, expected: Container): string | undefined {
  if (bytes.length > MAX_BYTES) return `has ${bytes.length} bytes, at most ${MAX_BYTES} are allowed`;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return 'is not JSON in UTF-8';
  }
  if (containerOf(value) !== expected) return `is no JSON ${expected}`;
  if (isDeeperThan(value, MAX_DEPTH)) return `is nested deeper than ${MAX_DEPTH}`;
  if (expected === 'array' && Array.isArray(value) && value.some((item) => containerOf(item) !== 'object')) {
    return 'has members that are no objects';
  }
  return undefined;
}

function containerOf(value: unknown): Container | undefined {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'object' && value !== null ? 'object' : undefined;
}

/** Whether it has more than `depth` containers within each other. Level by level, so that depth costs no stack. */
function isDeeperThan(value: unknown, depth: number): boolean {
  let level = [value].filter(isContainer);
  for (let levels = 1; level.length > 0; levels += 1) {
    if (levels > depth) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

const isContainer = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
