import { isDirectory, type TreeNode } from '../file-tree.ts';
import { both32, recordDate } from './fields.ts';

// Rock Ridge (RRIP_1991A, in fields of SUSP): the true names, owners and modes for POSIX systems. Nova's
// tool rationalises them (`-r`): all is root's, readable by everyone.

const DIRECTORY_MODE = 0o040555;
const FILE_MODE = 0o100444;

/** A field of a system use area: signature, length, version 1, data. */
function field(signature: string, ...data: readonly Uint8Array[]): Buffer {
  const head = Buffer.from(`${signature}\0\x01`, 'latin1');
  const bytes = Buffer.concat([head, ...data]);
  bytes.writeUInt8(bytes.length, 2);
  return bytes;
}

/** Tells, in the root's own record, that fields of SUSP follow everywhere. */
const SUSP_INDICATOR = field('SP', Buffer.from([0xbe, 0xef, 0]));

const PRESENT = { attributes: 0x01, name: 0x08, times: 0x80 };
/** Modification, last access and change of attributes, each in the form of directory records. */
const TIMES = 0x02 | 0x04 | 0x08;

/** Permissions, links, owner. */
function attributes(node: TreeNode): Buffer {
  const [mode, links] = isDirectory(node)
    ? [DIRECTORY_MODE, 2 + node.children.filter(isDirectory).length]
    : [FILE_MODE, 1];
  return field('PX', both32(mode), both32(links), both32(0), both32(0));
}

function times(date: Date): Buffer {
  const stamp = recordDate(date);
  return field('TF', Buffer.from([TIMES]), stamp, stamp, stamp);
}

const present = (flags: number): Buffer => field('RR', Buffer.from([flags]));

/** For the record by which a directory lists `node`. */
export const namedFields = (node: TreeNode, date: Date): Buffer =>
  Buffer.concat([
    present(PRESENT.attributes | PRESENT.name | PRESENT.times),
    field('NM', Buffer.from([0]), Buffer.from(node.name, 'ascii')),
    attributes(node),
    times(date),
  ]);

/** For the records by which a directory lists itself and its parent, which need no name. */
export const unnamedFields = (node: TreeNode, date: Date): Buffer =>
  Buffer.concat([present(PRESENT.attributes | PRESENT.times), attributes(node), times(date)]);

const text = (words: string): Buffer => Buffer.from(words, 'ascii');
const EXTENSION = {
  id: text('RRIP_1991A'),
  descriptor: text('THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS'),
  source: text(
    'PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.',
  ),
};

/** Names the extension in use. Too long for the root's record, so it stands in a sector of its own. */
export const EXTENSION_REFERENCE = field(
  'ER',
  Buffer.from([EXTENSION.id.length, EXTENSION.descriptor.length, EXTENSION.source.length, 1]),
  EXTENSION.id,
  EXTENSION.descriptor,
  EXTENSION.source,
);

/** For the record by which the root lists itself; `sector` is that of the extension's reference. */
export const rootFields = (root: TreeNode, date: Date, sector: number): Buffer =>
  Buffer.concat([
    SUSP_INDICATOR,
    unnamedFields(root, date),
    field('CE', both32(sector), both32(0), both32(EXTENSION_REFERENCE.length)),
  ]);
