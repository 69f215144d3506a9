import { isDirectory, type TreeNode } from '../file-tree.ts';
import { ucs2 } from './fields.ts';
import type { Dialect } from './hierarchy.ts';
import { namedFields, rootFields, unnamedFields } from './rock-ridge.ts';

/**
 * The names as the tool that Nova uses writes them with `-l -ldots -allow-lowercase -allow-multidot`: of
 * the characters in our names only `-` is not allowed. A file's name has a dot and a version.
 */
function plainName(node: TreeNode): string {
  const name = node.name.replaceAll('-', '_');
  if (isDirectory(node)) return name;
  return `${name.includes('.') ? name : `${name}.`};1`;
}

/** The primary hierarchy: plain ISO 9660 names, and Rock Ridge beside them. */
export const rockRidge = (createdAt: Date, referenceSector: number): Dialect => ({
  identifier: (node) => Buffer.from(plainName(node), 'ascii'),
  compare: comparePlainNames,
  systemUse: (node, role) => {
    if (role === 'child') return namedFields(node, createdAt);
    return role === 'self' && node.name === ''
      ? rootFields(node, createdAt, referenceSector)
      : unnamedFields(node, createdAt);
  },
});

/** By name and then by extension, the shorter filled up with spaces: ECMA-119 9.3. */
function comparePlainNames(one: Buffer, other: Buffer): number {
  const [oneName, oneExtension] = splitPlain(one);
  const [otherName, otherExtension] = splitPlain(other);
  return comparePadded(oneName, otherName) || comparePadded(oneExtension, otherExtension);
}

function splitPlain(identifier: Buffer): [name: string, extension: string] {
  const name = identifier.toString('ascii');
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

function comparePadded(one: string, other: string): number {
  const length = Math.max(one.length, other.length);
  const [a, b] = [one.padEnd(length), other.padEnd(length)];
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The supplementary hierarchy for Windows: true names in UCS-2. */
export const JOLIET: Dialect = {
  identifier: (node) => ucs2(isDirectory(node) ? node.name : `${node.name};1`),
  compare: (one, other) => Buffer.compare(one, other),
  systemUse: () => Buffer.alloc(0),
};
