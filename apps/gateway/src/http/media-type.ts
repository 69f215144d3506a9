import type { IncomingHttpHeaders } from 'node:http';
import { HttpFailure } from './http-failure.ts';

/**
 * Bodies here are JSON and nothing else; who does not say so is believed.
 *
 * @throws HttpFailure 415 for another media type, or a coded body.
 */
export function requireJson(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'];
  if (type !== undefined && type !== 'application/json' && !isJson(type)) {
    throw new HttpFailure(415, 'MEDIA_TYPE_UNSUPPORTED', 'The body must be application/json.');
  }
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') {
    throw new HttpFailure(415, 'CODING_UNSUPPORTED', 'The body must come without Content-Encoding.');
  }
}

/** Whatever its parameters; an empty value is as good as none. */
function isJson(type: string): boolean {
  const [essence = ''] = type.split(';', 1);
  return ['', 'application/json'].includes(essence.trim().toLowerCase());
}
