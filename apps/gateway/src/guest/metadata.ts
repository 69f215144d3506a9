import { instances } from '@hallmark/contracts';
import { Content } from '../http/content.ts';
import { Document, questionKey, type Question } from '../nova/answers.ts';
import type { Tree } from './guest-path.ts';

const { MetadataEntry_Source: Source } = instances;

/** One document or listing of an instance, and where its bytes come from. */
export interface MetadataEntry {
  readonly source: 'record' | 'vendor-data' | 'vendor-data2' | 'caller-address' | 'password';
  /** Of the record; nothing where the bytes come from elsewhere. */
  readonly content: Content;
  readonly contentType: string;
}

/** A question to vendordata, with its name. */
export interface NamedQuestion {
  readonly key: string;
  readonly question: Question;
}

type Paths = ReadonlyMap<string, MetadataEntry>;

/** Maps, strings and objects of an entry beside the bytes. */
const ENTRY_BYTES = 200;

/** Everything that a guest may read of its instance's record. */
export class Metadata {
  readonly instanceId: string;
  readonly projectId: string;
  /** What this takes in memory, about. */
  readonly bytes: number;
  readonly #listings: Readonly<Record<Tree, MetadataEntry>>;
  readonly #versions: Readonly<Record<Tree, ReadonlyMap<string, Paths>>>;
  readonly #files: Paths;
  readonly #instanceJson: Buffer;
  readonly #questions = new Map<Question['document'], NamedQuestion>();

  constructor(response: instances.GetMetadataResponse) {
    const { openstackVersions, ec2Versions, openstackListing, ec2Listing, contentTree } = response;
    const contents = response.contents.map((bytes) => new Content(bytes));
    const listing = (index: number): MetadataEntry => ({
      source: 'record',
      content: at(contents, index),
      contentType: 'text/plain; charset=UTF-8',
    });
    const trees = response.trees.map((tree) => pathsOf(tree, contents));
    const versions = (indexes: Readonly<Record<string, number>>) =>
      new Map(Object.entries(indexes).map(([version, index]) => [version, at(trees, index)]));
    this.instanceId = response.instanceId;
    this.projectId = response.projectId;
    this.#listings = { openstack: listing(openstackListing), ec2: listing(ec2Listing) };
    this.#versions = { openstack: versions(openstackVersions), ec2: versions(ec2Versions) };
    this.#files = contentTree ? pathsOf(contentTree, contents) : new Map();
    this.#instanceJson = response.vendordataRequest;
    this.bytes =
      response.contents.reduce((sum, { length }) => sum + length + ENTRY_BYTES, 0) +
      trees.reduce((sum, { size }) => sum + size * ENTRY_BYTES, 0) +
      this.#instanceJson.length;
  }

  /** The list of versions. */
  versions(tree: Tree): MetadataEntry {
    return this.#listings[tree];
  }

  find(tree: Tree, version: string, path: string): MetadataEntry | undefined {
    return this.#versions[tree].get(version)?.get(path);
  }

  /** A file below `/openstack/content`. */
  findFile(path: string): MetadataEntry | undefined {
    return this.#files.get(path);
  }

  /** What vendordata is asked for one of its documents. */
  question(source: 'vendor-data' | 'vendor-data2'): NamedQuestion {
    const document = source === 'vendor-data' ? Document.VENDOR_DATA : Document.VENDOR_DATA2;
    let named = this.#questions.get(document);
    if (!named) {
      const question = { instanceJson: this.#instanceJson, target: '', document };
      named = { key: questionKey(question), question };
      this.#questions.set(document, named);
    }
    return named;
  }
}

function pathsOf({ entries }: instances.MetadataTree, contents: readonly Content[]): Paths {
  return new Map(
    entries.map(({ path, source, content, contentType }) => {
      const kind = SOURCES[source];
      const isOfRecord = kind === 'record' || kind === 'password';
      return [path, { source: kind, content: isOfRecord ? at(contents, content) : NOTHING, contentType }];
    }),
  );
}

const NOTHING = new Content(Buffer.alloc(0));

const SOURCES = {
  [Source.UNSPECIFIED]: 'record',
  [Source.VENDOR_DATA]: 'vendor-data',
  [Source.VENDOR_DATA2]: 'vendor-data2',
  [Source.CALLER_ADDRESS]: 'caller-address',
  [Source.PASSWORD]: 'password',
  [Source.UNRECOGNIZED]: 'record',
} satisfies Record<instances.MetadataEntry_Source, MetadataEntry['source']>;

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`The metadata of an instance lacks its part ${index}.`);
  return item;
}
