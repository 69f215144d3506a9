import { isDirectory, type DirectoryNode, type FileNode, type TreeNode } from '../file-tree.ts';
import { both16, both32, recordDate, SECTOR } from './fields.ts';

/** How one of the volume's two hierarchies writes what both describe. */
export interface Dialect {
  /** The name as this hierarchy has it. */
  readonly identifier: (node: TreeNode) => Buffer;
  /** Orders the identifiers of one directory. */
  readonly compare: (one: Buffer, other: Buffer) => number;
  /** What follows the identifier in the record by which a directory lists itself, its parent, a child. */
  readonly systemUse: (node: TreeNode, role: 'self' | 'parent' | 'child') => Buffer;
}

/** The sector at which something begins. */
export type SectorOf<Node> = (node: Node) => number;

interface Directory {
  readonly node: DirectoryNode;
  /** The root is its own. */
  readonly parent: DirectoryNode;
  /** The parent's place in the path table, from 1. */
  readonly parentNumber: number;
  /** Sorted as this hierarchy wants it. */
  readonly children: readonly TreeNode[];
  /** Length of its records, in whole sectors. */
  readonly size: number;
}

const SELF = Buffer.from([0]);
const PARENT = Buffer.from([1]);
const FIXED_FIELDS = 33;
const DIRECTORY_FLAG = 0x02;

/** The directories of a volume in one dialect. Sizes are known first, then the sectors, then the bytes. */
export class Hierarchy {
  readonly #dialect: Dialect;
  readonly #date: Buffer;
  readonly #directories: readonly Directory[];

  constructor(root: DirectoryNode, dialect: Dialect, createdAt: Date) {
    this.#dialect = dialect;
    this.#date = recordDate(createdAt);
    this.#directories = this.#inPathTableOrder(root);
  }

  /** The directories in the order in which they are to be placed. */
  get directories(): readonly { readonly node: DirectoryNode; readonly size: number }[] {
    return this.#directories;
  }

  get pathTableSize(): number {
    return this.#directories.reduce(
      (size, { node }) => size + pathRecordLength(this.#pathIdentifier(node)),
      0,
    );
  }

  /** All directories with their parents: ECMA-119 9.4. */
  pathTable(sectorOf: SectorOf<DirectoryNode>, order: 'little-endian' | 'big-endian'): Buffer {
    const records = this.#directories.map(({ node, parentNumber }) => {
      const identifier = this.#pathIdentifier(node);
      const record = Buffer.alloc(pathRecordLength(identifier));
      record.writeUInt8(identifier.length, 0);
      if (order === 'little-endian') {
        record.writeUInt32LE(sectorOf(node), 2);
        record.writeUInt16LE(parentNumber, 6);
      } else {
        record.writeUInt32BE(sectorOf(node), 2);
        record.writeUInt16BE(parentNumber, 6);
      }
      record.set(identifier, 8);
      return record;
    });
    return Buffer.concat(records);
  }

  /** The records of each directory, in whole sectors and in the order of `directories`. */
  *encode(directoryAt: SectorOf<DirectoryNode>, fileAt: SectorOf<FileNode>): Generator<Buffer> {
    const sizes = new Map<DirectoryNode, number>(this.#directories.map(({ node, size }) => [node, size]));
    const extentOf = (node: TreeNode): Extent =>
      isDirectory(node)
        ? { sector: directoryAt(node), size: sizes.get(node) ?? 0, flags: DIRECTORY_FLAG }
        : { sector: fileAt(node), size: node.contents.length, flags: 0 };
    for (const directory of this.#directories) {
      const bytes = Buffer.alloc(directory.size);
      let at = 0;
      const { node: self, parent, children } = directory;
      for (const { identifier, node, systemUse } of this.#entries(self, parent, children)) {
        const record = directoryRecord(identifier, extentOf(node), this.#date, systemUse);
        at = placeRecord(at, record.length);
        bytes.set(record, at);
        at += record.length;
      }
      yield bytes;
    }
  }

  /** The record of the root in a volume descriptor. */
  rootRecord(sector: number): Buffer {
    const [root] = this.#directories;
    return directoryRecord(
      SELF,
      { sector, size: root?.size ?? 0, flags: DIRECTORY_FLAG },
      this.#date,
      Buffer.alloc(0),
    );
  }

  /** Level by level, within one by the parent's number, then by name: ECMA-119 6.9.1. */
  #inPathTableOrder(root: DirectoryNode): Directory[] {
    const ordered: Directory[] = [];
    const add = (node: DirectoryNode, parent: DirectoryNode, parentNumber: number): void => {
      const children = this.#sorted(node.children);
      ordered.push({ node, parent, parentNumber, children, size: this.#sizeOf(node, parent, children) });
    };
    add(root, root, 1);
    // The list grows while it is walked: breadth first.
    for (const [index, { node, children }] of ordered.entries()) {
      for (const child of children) if (isDirectory(child)) add(child, node, index + 1);
    }
    return ordered;
  }

  #sorted(children: readonly TreeNode[]): readonly TreeNode[] {
    const named = children.map((node) => ({ node, identifier: this.#dialect.identifier(node) }));
    named.sort((one, other) => this.#dialect.compare(one.identifier, other.identifier));
    for (const [index, { identifier, node }] of named.entries()) {
      if (named[index + 1]?.identifier.equals(identifier)) {
        throw new Error(`Two names in one directory become the same as "${node.name}" in ISO 9660.`);
      }
    }
    return named.map(({ node }) => node);
  }

  #sizeOf(node: DirectoryNode, parent: DirectoryNode, children: readonly TreeNode[]): number {
    let end = 0;
    for (const { identifier, systemUse } of this.#entries(node, parent, children)) {
      const length = recordLength(identifier, systemUse);
      end = placeRecord(end, length) + length;
    }
    return Math.ceil(end / SECTOR) * SECTOR;
  }

  *#entries(
    node: DirectoryNode,
    parent: DirectoryNode,
    children: readonly TreeNode[],
  ): Generator<Entry, void> {
    const dialect = this.#dialect;
    yield { identifier: SELF, node, systemUse: dialect.systemUse(node, 'self') };
    yield { identifier: PARENT, node: parent, systemUse: dialect.systemUse(parent, 'parent') };
    for (const child of children) {
      yield {
        identifier: dialect.identifier(child),
        node: child,
        systemUse: dialect.systemUse(child, 'child'),
      };
    }
  }

  #pathIdentifier(node: DirectoryNode): Buffer {
    return node.name === '' ? SELF : this.#dialect.identifier(node);
  }
}

interface Entry {
  readonly identifier: Buffer;
  readonly node: TreeNode;
  readonly systemUse: Buffer;
}

interface Extent {
  readonly sector: number;
  readonly size: number;
  readonly flags: number;
}

const even = (length: number): number => length + (length % 2);

/** An identifier of even length is followed by one byte, so that the system use area begins evenly. */
const systemUseStart = (identifier: Buffer): number => even(FIXED_FIELDS + identifier.length);

const recordLength = (identifier: Buffer, systemUse: Buffer): number =>
  even(systemUseStart(identifier) + systemUse.length);

const pathRecordLength = (identifier: Buffer): number => 8 + even(identifier.length);

/** Where a record goes that would begin at `at`: none crosses the end of a sector. */
function placeRecord(at: number, length: number): number {
  const left = SECTOR - (at % SECTOR);
  return length <= left ? at : at + left;
}

/** ECMA-119 9.1. */
function directoryRecord(identifier: Buffer, extent: Extent, date: Buffer, systemUse: Buffer): Buffer {
  const record = Buffer.alloc(recordLength(identifier, systemUse));
  record.writeUInt8(record.length, 0);
  record.set(both32(extent.sector), 2);
  record.set(both32(extent.size), 10);
  record.set(date, 18);
  record.writeUInt8(extent.flags, 25);
  record.set(both16(1), 28);
  record.writeUInt8(identifier.length, 32);
  record.set(identifier, FIXED_FIELDS);
  record.set(systemUse, systemUseStart(identifier));
  return record;
}
