import { ContentType, Source } from './documents.ts';
import type { DocumentCollection, DocumentEntry } from './documents.ts';
import { SINCE } from './versions.ts';

/** Indices of what all OpenStack versions have in common. */
export interface CommonDocuments {
  /** Undefined: there is none. */
  readonly userData: number | undefined;
  readonly password: number;
  readonly networkData: number;
}

const NETWORK_DATA = 'network_data.json';
/** Nova takes this name for the version's own, and so gives the listing. */
const LISTING_TOO = 'version';

/** All paths of the OpenStack version with this date. */
export function openstackEntries(
  date: string,
  metaData: number,
  common: CommonDocuments,
  documents: DocumentCollection,
): DocumentEntry[] {
  const { text, html, json } = ContentType;
  const files: DocumentEntry[] = [entry('meta_data.json', json, metaData)];
  if (common.userData !== undefined) files.push(entry('user_data', text, common.userData));
  if (date >= SINCE.password) files.push(entry('password', html, common.password, Source.password));
  if (date >= SINCE.vendorData) files.push(entry('vendor_data.json', json, 0, Source.vendorData));
  files.push(entry(NETWORK_DATA, text, common.networkData));
  if (date >= SINCE.vendorData2) files.push(entry('vendor_data2.json', json, 0, Source.vendorData2));

  const listed = files.filter(({ path }) => path !== NETWORK_DATA || date >= SINCE.networkData);
  const listing = documents.addText(listed.map(({ path }) => path).join('\n'));
  return [...files, entry('', text, listing), entry(LISTING_TOO, text, listing)];
}

const entry = (
  path: string,
  contentType: string,
  content: number,
  source: Source = Source.contents,
): DocumentEntry => ({ path, source, content, contentType });
