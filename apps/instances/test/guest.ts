import { posix } from 'node:path';
import type { Source } from '../src/domain/metadata/documents.ts';
import type { RenderedMetadata } from '../src/domain/metadata/render-metadata.ts';

/** What a guest finds behind a path. */
export interface Found {
  readonly source: Source;
  readonly contentType: string;
  readonly body: string;
}

/** Finds what a guest asks for in what was rendered, by the routes of Nova. Undefined: 404. */
export function find(rendered: RenderedMetadata, path: string): Found | undefined {
  const normal = posix.normalize(new URL(`http://guest${path.replace(/^\/+/, '/')}`).pathname);
  const segments = normal.split('/').filter((segment) => segment !== '');
  const isOpenstack = segments[0] === 'openstack';
  const [version, ...below] = isOpenstack || segments[0] === 'ec2' ? segments.slice(1) : segments;
  if (version === undefined) {
    const listing = isOpenstack ? rendered.openstackListing : rendered.ec2Listing;
    return { source: 0, contentType: 'text/plain; charset=UTF-8', body: bodyAt(rendered, listing) };
  }
  if (isOpenstack && version === 'content') return entryIn(rendered, rendered.contentTree, below.join('/'));
  const tree = (isOpenstack ? rendered.openstackVersions : rendered.ec2Versions)[version];
  return tree === undefined ? undefined : entryIn(rendered, rendered.trees[tree], below.join('/'));
}

function entryIn(
  rendered: RenderedMetadata,
  tree: RenderedMetadata['contentTree'] | undefined,
  path: string,
): Found | undefined {
  const entry = tree?.entries.find((candidate) => candidate.path === path);
  if (entry === undefined) return undefined;
  return { source: entry.source, contentType: entry.contentType, body: bodyAt(rendered, entry.content) };
}

function bodyAt(rendered: RenderedMetadata, index: number): string {
  const bytes = rendered.contents[index];
  if (bytes === undefined) throw new Error(`There is no content ${index}.`);
  return bytes.toString();
}
