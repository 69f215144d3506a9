import type { Faults } from './faults.ts';
import type { Keypair, MetadataItem } from './instance-record.ts';
import type { ToldItem, ToldKeypair, ToldOwner } from './told.ts';

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
/** Keystone writes them without dashes, other sources with. */
const PROJECT_ID = /^[\da-f]{32}$/i;
const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/;
// eslint-disable-next-line no-control-regex -- these are what it looks for
const CONTROL = /[\0-\x1f\x7f]/;

/** Nova's default quota. */
const MAX_METADATA_ITEMS = 128;
const MAX_TEXT = 255;
const MAX_USER_DATA = 65_535;
const MAX_PUBLIC_KEY = 65_535;

export const isUuid = (text: string): boolean => UUID.test(text);

/** Characters as users count them, not UTF-16 units. */
export const lengthOf = (text: string): number => Array.from(text).length;

export const emptyToUndefined = (text: string): string | undefined => (text === '' ? undefined : text);

/** A text of one line: it ends up in listings, one entry a line. */
export function checkLine(faults: Faults, field: string, text: string, minimum: 0 | 1 = 0): void {
  const length = lengthOf(text);
  if (length > MAX_TEXT || length < minimum) {
    faults.add(field, `has ${length} characters, ${minimum} to ${MAX_TEXT} are allowed`);
  } else if (CONTROL.test(text)) faults.add(field, 'has control characters');
}

/** A text of any lines. PostgreSQL keeps no NUL. */
export function checkText(faults: Faults, field: string, text: string, maximum = MAX_TEXT): void {
  const length = lengthOf(text);
  if (length > maximum) {
    faults.add(field, `has ${length} characters, at most ${maximum} are allowed`);
  } else if (text.includes('\0')) faults.add(field, 'has a NUL');
}

export function checkOwner(faults: Faults, { projectId, userId, bootRoles }: ToldOwner): void {
  faults.require(PROJECT_ID.test(projectId.replaceAll('-', '')), 'project_id', 'is no id of a project');
  checkLine(faults, 'user_id', userId);
  for (const [index, role] of bootRoles.entries()) checkLine(faults, `boot_roles[${index}]`, role, 1);
}

/** Base64 with any white space, as Nova takes it; kept as given. Empty: none. */
export function readUserData(faults: Faults, userData: string | undefined): string | undefined {
  if (userData === undefined || userData === '') return undefined;
  if (userData.length > MAX_USER_DATA) {
    faults.add('user_data', `has ${userData.length} characters, at most ${MAX_USER_DATA} are allowed`);
  } else if (!BASE64.test(userData.replaceAll(/\s/g, ''))) faults.add('user_data', 'is not base64');
  return userData;
}

/** @param field what its author calls it */
export function readMetadata(faults: Faults, items: readonly ToldItem[], field = 'metadata'): MetadataItem[] {
  if (items.length > MAX_METADATA_ITEMS) {
    faults.add(field, `has ${items.length} items, at most ${MAX_METADATA_ITEMS} are allowed`);
    return [];
  }
  const seen = new Set<string>();
  for (const [index, { key, value }] of items.entries()) {
    checkLine(faults, `${field}[${index}].key`, key, 1);
    checkText(faults, `${field}[${index}].value`, value);
    faults.require(!seen.has(key), `${field}[${index}].key`, 'comes twice');
    seen.add(key);
  }
  return items.map(({ key, value }) => ({ key, value }));
}

export function readKeypair(faults: Faults, keypair: ToldKeypair | undefined): Keypair | undefined {
  if (keypair === undefined) return undefined;
  const { name, publicKey } = keypair;
  const type = keypair.type === 'x509' ? 'x509' : 'ssh';
  checkLine(faults, 'keypair.name', name, 1);
  faults.require(keypair.type === '' || keypair.type === type, 'keypair.type', 'is neither ssh nor x509');
  faults.require(publicKey !== '', 'keypair.public_key', 'is missing');
  checkText(faults, 'keypair.public_key', publicKey, MAX_PUBLIC_KEY);
  return { name, type, publicKey };
}

export function readUuid(faults: Faults, field: string, text: string): string | undefined {
  faults.require(text === '' || isUuid(text), field, 'is no UUID in lower case with dashes');
  return emptyToUndefined(text);
}
