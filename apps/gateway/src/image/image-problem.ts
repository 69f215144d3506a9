import type { IncomingMessage } from 'node:http';
import type { Problem } from '../http/problem.ts';
import { titleOf } from '../http/status.ts';
import { renderWebObError } from '../http/webob.ts';
import { imageFailureOf, internalFailure } from './image-failures.ts';

/** Where WebOb has older words than Node. */
const TITLES: ReadonlyMap<number, string> = new Map([
  [413, 'Request Entity Too Large'],
  [416, 'Request Range Not Satisfiable'],
]);

/**
 * What a client of the Image API is told about anything that was thrown: byte for byte as Glance tells it, in
 * what the client says it reads. `challenge` goes with every 401.
 */
export function imageProblemOf(thrown: unknown, request: IncomingMessage, challenge: string): Problem {
  const known = imageFailureOf(thrown, challenge);
  const { status, reason, text, headers } = known ?? internalFailure;
  const statusLine = `${status} ${TITLES.get(status) ?? titleOf(status)}`;
  const rendered = renderWebObError({ statusLine, text }, request);
  return {
    status,
    reason,
    headers: [...Object.entries(headers).flat(), ...rendered.headers],
    body: rendered.body,
    ...(known ? {} : { err: thrown }),
  };
}
