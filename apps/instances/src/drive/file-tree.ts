import type { DriveFile } from './drive-image.ts';

export interface FileNode {
  readonly kind: 'file';
  readonly name: string;
  readonly contents: Uint8Array;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly name: string;
  /** In the order of the files given. */
  readonly children: readonly TreeNode[];
}

export type TreeNode = FileNode | DirectoryNode;

/**
 * Names on a config drive are all ours (a file that the user injects lies there under a number), so
 * neither format needs more than what both can say: no room is made for other alphabets, and none of
 * a length that ISO 9660 would cut at 31 characters with the dot and `;1` it adds.
 */
const NAME = /^[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,26}[A-Za-z0-9_-])?$/;

interface OpenDirectory {
  readonly kind: 'directory';
  readonly name: string;
  readonly children: (FileNode | OpenDirectory)[];
}

/** The directories above the files, with one root whose name is empty. */
export function fileTree(files: readonly DriveFile[]): DirectoryNode {
  const root: OpenDirectory = { kind: 'directory', name: '', children: [] };
  for (const { path, contents } of files) {
    const names = path.split('/');
    const fileName = names.pop() ?? '';
    let directory = root;
    for (const name of names) directory = directoryIn(directory, name, path);
    add(directory, { kind: 'file', name: fileName, contents }, path);
  }
  return root;
}

function directoryIn(parent: OpenDirectory, name: string, path: string): OpenDirectory {
  const found = parent.children.find((child) => child.name === name);
  if (found?.kind === 'directory') return found;
  const made: OpenDirectory = { kind: 'directory', name, children: [] };
  add(parent, made, path);
  return made;
}

function add(parent: OpenDirectory, child: FileNode | OpenDirectory, path: string): void {
  if (!NAME.test(child.name)) throw new Error(`"${path}" is no path for a config drive.`);
  // vfat tells no upper from lower case.
  if (parent.children.some(({ name }) => name.toLowerCase() === child.name.toLowerCase())) {
    throw new Error(`"${path}" would be twice on the config drive.`);
  }
  parent.children.push(child);
}

export const isDirectory = (node: TreeNode): node is DirectoryNode => node.kind === 'directory';
