import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';
import { errorCode } from '../error-code.ts';

/** The bytes of an answer after decompression, or why there are none. */
export type Decompressed =
  { bytes: Buffer } | { fault: 'TOO_LARGE' | 'TRUNCATED' | 'NOT_JSON'; message: string };

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const CODINGS: Readonly<Record<string, Decode>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: inflateEither,
};
const ZLIB_METHOD_DEFLATE = 8;
/** Nobody compresses twice in earnest; each more costs a target nothing and us a buffer. */
const MAX_CODINGS = 2;

/** Undoes `Content-Encoding`. The bound holds for what the bytes unfold to, so that no bomb goes off. */
export async function decompress(
  encoded: Buffer,
  contentEncoding: string | undefined,
  maxBytes: number,
): Promise<Decompressed> {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MAX_CODINGS)
    return { fault: 'NOT_JSON', message: 'The answer is compressed too often.' };
  let bytes = encoded;
  for (const coding of codings.reverse()) {
    // A 204 may carry the header as well.
    if (bytes.length === 0) return { bytes };
    const decode = Object.hasOwn(CODINGS, coding) ? CODINGS[coding] : undefined;
    if (!decode)
      return { fault: 'NOT_JSON', message: 'The answer is compressed in a way that was not offered.' };
    try {
      bytes = await decode(bytes, { maxOutputLength: maxBytes });
    } catch (error) {
      return faultOf(error, coding, maxBytes);
    }
  }
  return { bytes };
}

/** Some servers leave out the frame that the standard wants around `deflate`. */
function inflateEither(bytes: Buffer, options: { maxOutputLength: number }): Promise<Buffer> {
  const framed = ((bytes[0] ?? 0) & 0x0f) === ZLIB_METHOD_DEFLATE;
  return (promisify(framed ? inflate : inflateRaw) as Decode)(bytes, options);
}

function faultOf(error: unknown, coding: string, maxBytes: number): Decompressed {
  const code = errorCode(error);
  if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes);
  if (code === 'Z_BUF_ERROR') return { fault: 'TRUNCATED', message: `The ${coding} data ends too early.` };
  return { fault: 'NOT_JSON', message: `The answer is not valid ${coding}.` };
}

const tooLarge = (maxBytes: number): Decompressed => ({
  fault: 'TOO_LARGE',
  message: `The answer has more than ${maxBytes} bytes.`,
});
