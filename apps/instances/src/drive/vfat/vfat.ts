import { invalid } from '@hallmark/errors';
import { zeros, unitsFor, VOLUME_LABEL, type DriveContents, type DriveImage } from '../drive-image.ts';
import { fileTree, isDirectory, type DirectoryNode, type TreeNode } from '../file-tree.ts';
import { bootSector } from './boot-sector.ts';
import { ATTRIBUTE, ENTRY, longEntries, shortEntry } from './entries.ts';
import {
  CLUSTER,
  CLUSTERS,
  FAT_SECTORS,
  FATS,
  FIRST_CLUSTER,
  MEDIA,
  RESERVED_SECTORS,
  ROOT_ENTRIES,
  SECTOR,
  VOLUME_SIZE,
  DATA_START,
} from './geometry.ts';
import { ShortNames } from './names.ts';

/** A directory or file with its place in the data area; one of no length has none. */
interface Placed {
  readonly node: TreeNode;
  readonly parent: DirectoryNode;
  readonly cluster: number;
  readonly clusters: number;
}

interface NamedEntry {
  readonly node: TreeNode;
  readonly shortName: Uint8Array;
  readonly longEntries: readonly Buffer[];
}

const END_OF_CHAIN = 0xffff;
const SELF = Buffer.from('.'.padEnd(11), 'ascii');
const PARENT = Buffer.from('..'.padEnd(11), 'ascii');

/**
 * A FAT16 volume of 64 MiB with long names, as Nova has `mkfs.vfat` and a copy make it.
 *
 * @throws HallmarkError `CONFIG_DRIVE_TOO_LARGE` when the files do not fit.
 */
export function vfat(contents: DriveContents): DriveImage {
  const volume = new Volume(contents);
  return { size: VOLUME_SIZE, chunks: () => volume.chunks() };
}

class Volume {
  readonly #createdAt: Date;
  readonly #root: DirectoryNode;
  readonly #entries = new Map<DirectoryNode, readonly NamedEntry[]>();
  readonly #placed: readonly Placed[];
  readonly #clusterOf: ReadonlyMap<TreeNode, number>;
  readonly #used: number;

  constructor({ files, createdAt }: DriveContents) {
    this.#createdAt = createdAt;
    this.#root = fileTree(files);
    this.#nameEntries(this.#root);
    const placed: Placed[] = [];
    let next = FIRST_CLUSTER;
    for (const [node, parent] of below(this.#root)) {
      const clusters = unitsFor(this.#sizeOf(node), CLUSTER);
      placed.push({ node, parent, clusters, cluster: clusters === 0 ? 0 : next });
      next += clusters;
    }
    this.#used = next - FIRST_CLUSTER;
    if (this.#used > CLUSTERS || this.#lengthOf(this.#root) > ROOT_ENTRIES * ENTRY) {
      throw invalid('CONFIG_DRIVE_TOO_LARGE', 'The files do not fit on a vfat config drive of 64 MiB.');
    }
    this.#placed = placed;
    this.#clusterOf = new Map(placed.map(({ node, cluster }) => [node, cluster]));
  }

  *chunks(): Generator<Uint8Array, void> {
    yield bootSector(this.#createdAt);
    yield* zeros((RESERVED_SECTORS - 1) * SECTOR);
    const allocation = this.#allocationTable();
    for (let copy = 0; copy < FATS; copy++) yield allocation;
    const root = this.#rootDirectory();
    yield root;
    yield* zeros(ROOT_ENTRIES * ENTRY - root.length);
    for (const { node, parent, clusters } of this.#placed) {
      const bytes = isDirectory(node) ? this.#directory(node, parent) : node.contents;
      yield bytes;
      yield* zeros(clusters * CLUSTER - bytes.length);
    }
    yield* zeros(VOLUME_SIZE - DATA_START * SECTOR - this.#used * CLUSTER);
  }

  #nameEntries(directory: DirectoryNode): void {
    const names = new ShortNames();
    const entries = directory.children.map((node): NamedEntry => {
      const short = names.give(node.name);
      return { node, shortName: short.bytes, longEntries: longEntries(node.name, short) };
    });
    this.#entries.set(directory, entries);
    for (const child of directory.children) if (isDirectory(child)) this.#nameEntries(child);
  }

  #sizeOf(node: TreeNode): number {
    return isDirectory(node) ? 2 * ENTRY + this.#lengthOf(node) : node.contents.length;
  }

  /** Bytes of the entries of what is in a directory. */
  #lengthOf(directory: DirectoryNode): number {
    const entries = this.#entries.get(directory) ?? [];
    return entries.reduce((length, { longEntries }) => length + (longEntries.length + 1) * ENTRY, 0);
  }

  /** Everything lies in one piece, so each cluster leads to the one after it. */
  #allocationTable(): Buffer {
    const table = Buffer.alloc(FAT_SECTORS * SECTOR);
    table.writeUInt16LE(0xff00 | MEDIA, 0);
    table.writeUInt16LE(END_OF_CHAIN, 2);
    for (const { cluster, clusters } of this.#placed) {
      for (let index = 0; index < clusters; index++) {
        const last = index === clusters - 1;
        table.writeUInt16LE(last ? END_OF_CHAIN : cluster + index + 1, (cluster + index) * 2);
      }
    }
    return table;
  }

  #rootDirectory(): Buffer {
    const label = Buffer.from(VOLUME_LABEL.padEnd(11), 'ascii');
    const entry = { shortName: label, attributes: ATTRIBUTE.volumeLabel, cluster: 0, size: 0 };
    return Buffer.concat([shortEntry(entry, this.#createdAt), ...this.#listing(this.#root)]);
  }

  #directory(directory: DirectoryNode, parent: DirectoryNode): Buffer {
    const link = (shortName: Uint8Array, cluster: number): Buffer =>
      shortEntry({ shortName, attributes: ATTRIBUTE.directory, cluster, size: 0 }, this.#createdAt);
    return Buffer.concat([
      link(SELF, this.#clusterOf.get(directory) ?? 0),
      link(PARENT, this.#clusterOf.get(parent) ?? 0),
      ...this.#listing(directory),
    ]);
  }

  #listing(directory: DirectoryNode): Buffer[] {
    return (this.#entries.get(directory) ?? []).flatMap(({ node, shortName, longEntries }) => {
      const attributes = isDirectory(node) ? ATTRIBUTE.directory : ATTRIBUTE.archive;
      const size = isDirectory(node) ? 0 : node.contents.length;
      const cluster = this.#clusterOf.get(node) ?? 0;
      return [...longEntries, shortEntry({ shortName, attributes, cluster, size }, this.#createdAt)];
    });
  }
}

/** Everything below a directory, each after its parent. */
function* below(directory: DirectoryNode): Generator<readonly [node: TreeNode, parent: DirectoryNode], void> {
  for (const child of directory.children) {
    yield [child, directory];
    if (isDirectory(child)) yield* below(child);
  }
}
