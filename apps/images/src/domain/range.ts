import { invalid, type HallmarkError } from '@hallmark/errors';

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
  /** `Content-Range` of the answer. Empty: the whole, without it. */
  readonly contentRange: string;
}

/** What of `size` bytes a `Range` asks for. Empty: everything. `Content-Range` as a request means the same. */
export function readRange(text: string, size: number): ByteRange {
  if (text === '') return { offset: 0, length: size, contentRange: '' };
  if (text.includes(',')) {
    throw invalid(
      'QUERY_INVALID',
      'Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.',
    );
  }
  const [, first, last] = /^bytes[= ](\d*)-(\d*)(?:\/(?:\d+|\*))?$/.exec(text.trim()) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    throw rangeInvalid('Invalid Range header.');
  }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size) {
    throw rangeInvalid(
      `Invalid start position in Range header. Start position MUST be in the inclusive range [0, ${Math.max(0, size - 1)}].`,
    );
  }
  if (end < start) throw rangeInvalid('Invalid Range header.');
  return { offset: start, length: end - start + 1, contentRange: `bytes ${start}-${end}/${size}` };
}

const rangeInvalid = (message: string): HallmarkError => invalid('RANGE_INVALID', message);
