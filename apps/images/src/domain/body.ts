import { invalid } from '@hallmark/errors';

/** Reads the JSON text of a body, with Glance's words for what is none. */
export function parseBody(body: Uint8Array): unknown {
  if (body.byteLength === 0) throw invalid('BODY_INVALID', 'Body expected in request.');
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw invalid('BODY_INVALID', 'Malformed JSON in request body.', { cause });
  }
  if (typeof parsed !== 'object' || parsed === null) {
    throw invalid('BODY_INVALID', 'Unexpected body type. Expected list/dict.');
  }
  return parsed;
}
