import { zeros, unitsFor, VOLUME_LABEL, type DriveContents, type DriveImage } from '../drive-image.ts';
import { fileTree, isDirectory, type DirectoryNode, type FileNode } from '../file-tree.ts';
import { JOLIET, rockRidge } from './dialects.ts';
import { SECTOR, wholeSectors } from './fields.ts';
import { Hierarchy, type SectorOf } from './hierarchy.ts';
import { EXTENSION_REFERENCE } from './rock-ridge.ts';
import { descriptorsEnd, jolietDescriptor, primaryDescriptor, type Volume } from './volume-descriptors.ts';

/** Sectors before the first descriptor, for systems that boot from the volume. */
const SYSTEM_AREA = 16;
const DESCRIPTORS = 3;

/** Hands out sectors one after another. */
class Layout {
  #next = SYSTEM_AREA + DESCRIPTORS;

  place(bytes: number): number {
    const sector = this.#next;
    this.#next += unitsFor(bytes, SECTOR);
    return sector;
  }

  placeAll<Node>(nodes: Iterable<readonly [Node, bytes: number]>): SectorOf<Node> {
    const sectors = new Map<Node, number>();
    for (const [node, bytes] of nodes) sectors.set(node, this.place(bytes));
    return (node) => {
      const sector = sectors.get(node);
      if (sector === undefined) throw new Error('Something on the drive has no place.');
      return sector;
    };
  }

  get sectors(): number {
    return this.#next;
  }
}

/** An ISO 9660 volume with Rock Ridge and Joliet, as Nova has `genisoimage` make it. */
export function iso9660({ files, createdAt }: DriveContents, publisher: string): DriveImage {
  const root = fileTree(files);
  const layout = new Layout();
  const referenceSector = layout.place(EXTENSION_REFERENCE.length);
  const primary = placed(new Hierarchy(root, rockRidge(createdAt, referenceSector), createdAt), layout);
  const joliet = placed(new Hierarchy(root, JOLIET, createdAt), layout);
  const inOrder = [...filesOf(root)];
  const fileAt = layout.placeAll(inOrder.map((file) => [file, file.contents.length]));

  const volumeOf = ({ hierarchy, littleEndian, bigEndian, directoryAt }: Placed): Volume => ({
    label: VOLUME_LABEL,
    publisher,
    createdAt,
    sectors: layout.sectors,
    pathTableSize: hierarchy.pathTableSize,
    pathTables: { littleEndian, bigEndian },
    rootRecord: hierarchy.rootRecord(directoryAt(root)),
  });

  return {
    size: layout.sectors * SECTOR,
    *chunks() {
      yield* zeros(SYSTEM_AREA * SECTOR);
      yield primaryDescriptor(volumeOf(primary));
      yield jolietDescriptor(volumeOf(joliet));
      yield descriptorsEnd();
      yield wholeSectors(EXTENSION_REFERENCE);
      for (const { hierarchy, directoryAt } of [primary, joliet]) {
        yield wholeSectors(hierarchy.pathTable(directoryAt, 'little-endian'));
        yield wholeSectors(hierarchy.pathTable(directoryAt, 'big-endian'));
        yield* hierarchy.encode(directoryAt, fileAt);
      }
      for (const { contents } of inOrder) {
        yield contents;
        yield* zeros(unitsFor(contents.length, SECTOR) * SECTOR - contents.length);
      }
    },
  };
}

interface Placed {
  readonly hierarchy: Hierarchy;
  readonly littleEndian: number;
  readonly bigEndian: number;
  readonly directoryAt: SectorOf<DirectoryNode>;
}

function placed(hierarchy: Hierarchy, layout: Layout): Placed {
  const littleEndian = layout.place(hierarchy.pathTableSize);
  const bigEndian = layout.place(hierarchy.pathTableSize);
  const directoryAt = layout.placeAll(hierarchy.directories.map(({ node, size }) => [node, size]));
  return { hierarchy, littleEndian, bigEndian, directoryAt };
}

function* filesOf(directory: DirectoryNode): Generator<FileNode, void> {
  for (const child of directory.children) {
    if (isDirectory(child)) yield* filesOf(child);
    else yield child;
  }
}
