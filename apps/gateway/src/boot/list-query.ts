import { invalidBody, type Validator } from './validator.ts';
import type { ListQuery } from './request-bodies.ts';

const WHAT = 'The query';
const WHOLE_NUMBER = /^-?\d{1,9}$/;
const WORDS = new Map<string, boolean>([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/**
 * Which instances the query of a URL asks for.
 *
 * @throws HttpFailure 400 that names every parameter that is unknown, doubled or not as it must be.
 */
export function listQueryOf(url: string, validator: Validator): ListQuery {
  const at = url.indexOf('?');
  const parameters = new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
  const values = new Map<string, unknown>();
  for (const [name, text] of parameters) {
    if (values.has(name)) {
      throw invalidBody(WHAT, [{ pointer: `/${name}`, message: 'must be given only once' }]);
    }
    values.set(name, valueOf(name, text));
  }
  return validator.check('ListQuery', WHAT, Object.fromEntries(values));
}

/** The page that begins after this instance. */
export function nextPage({ limit, status, all_projects: allProjects }: ListQuery, marker: string): string {
  const parameters = new URLSearchParams({ marker });
  if (limit !== undefined) parameters.set('limit', String(limit));
  if (status !== undefined) parameters.set('status', status);
  if (allProjects) parameters.set('all_projects', 'true');
  return `/v1/instances?${parameters.toString()}`;
}

/** A text that is not of its parameter's type stays a text, for the schema to refuse. */
function valueOf(name: string, text: string): unknown {
  if (name === 'limit' && WHOLE_NUMBER.test(text)) return Number(text);
  if (name === 'all_projects') return WORDS.get(text.toLowerCase()) ?? text;
  return text;
}
