import { instances } from '@hallmark/contracts';
import { LRUCache } from 'lru-cache';
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

/** Where an entry's bytes are; the same for most instances. */
interface Place {
  readonly source: MetadataEntry['source'];
  /** Index of its content; undefined where the bytes come from elsewhere. */
  readonly content: number | undefined;
  readonly contentType: string;
}

type Paths = ReadonlyMap<string, Place>;
/** Indexes of trees by version. */
type Versions = ReadonlyMap<string, number>;

/** Everything that a guest may read of its instance's record. */
export class Metadata {
  readonly instanceId: string;
  readonly projectId: string;
  readonly #contents: Contents;
  readonly #listings: Readonly<Record<Tree, number>>;
  readonly #versions: Readonly<Record<Tree, Versions>>;
  readonly #trees: readonly Paths[];
  readonly #files: Paths;
  readonly #instanceJson: Buffer;
  readonly #questions = new Map<Question['document'], NamedQuestion>();

  constructor(response: instances.GetMetadataResponse) {
    const { openstackVersions, ec2Versions, openstackListing, ec2Listing, contentTree } = response;
    this.instanceId = response.instanceId;
    this.projectId = response.projectId;
    this.#contents = new Contents(response.contents);
    this.#trees = response.trees.map(pathsOf);
    this.#listings = { openstack: openstackListing, ec2: ec2Listing };
    this.#versions = { openstack: versionsOf(openstackVersions), ec2: versionsOf(ec2Versions) };
    this.#files = contentTree ? pathsOf(contentTree) : new Map();
    // Not a view: it would keep the whole answer.
    this.#instanceJson = Buffer.from(response.vendordataRequest);
  }

  /** What this takes in memory, about. */
  get bytes(): number {
    return this.#contents.bytes + this.#instanceJson.length + OTHER_BYTES;
  }

  /** The list of versions. */
  versions(tree: Tree): MetadataEntry {
    return {
      source: 'record',
      content: this.#contents.at(this.#listings[tree]),
      contentType: 'text/plain; charset=UTF-8',
    };
  }

  find(tree: Tree, version: string, path: string): MetadataEntry | undefined {
    const index = this.#versions[tree].get(version);
    return index === undefined ? undefined : this.#entry(at(this.#trees, index).get(path));
  }

  /** A file below `/openstack/content`. */
  findFile(path: string): MetadataEntry | undefined {
    return this.#entry(this.#files.get(path));
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

  #entry(place: Place | undefined): MetadataEntry | undefined {
    if (!place) return undefined;
    const { source, content, contentType } = place;
    return { source, content: content === undefined ? NOTHING : this.#contents.at(content), contentType };
  }
}

/** What a record takes beside the bytes of its contents: ids, indexes, the names of its questions. */
const OTHER_BYTES = 1_500;
/** A content that was read: its buffer, its length as text and its `ETag`. */
const CONTENT_BYTES = 250;

/** The different contents of a record in one piece of memory, each made ready when it is first read. */
class Contents {
  readonly #bytes: Buffer;
  readonly #ends: readonly number[];
  readonly #ready: (Content | undefined)[];

  constructor(contents: readonly Buffer[]) {
    let end = 0;
    this.#ends = contents.map(({ length }) => (end += length));
    this.#bytes = Buffer.allocUnsafeSlow(end);
    for (const [index, content] of contents.entries()) content.copy(this.#bytes, this.#start(index));
    this.#ready = contents.map(() => undefined);
  }

  /** As if all were read, which a booting guest does. */
  get bytes(): number {
    return this.#bytes.length + this.#ends.length * CONTENT_BYTES;
  }

  at(index: number): Content {
    return (this.#ready[index] ??= new Content(
      this.#bytes.subarray(this.#start(index), at(this.#ends, index)),
    ));
  }

  #start(index: number): number {
    return index === 0 ? 0 : at(this.#ends, index - 1);
  }
}

/**
 * Records differ in their contents and hardly in where they are, so what tells that is kept once. Of those that
 * few records have there may be as many as there are records.
 */
const SHAPES = 2_000;
const paths = new LRUCache<string, Paths>({ max: SHAPES });
const versionLists = new LRUCache<string, Versions>({ max: SHAPES });

function pathsOf({ entries }: instances.MetadataTree): Paths {
  const name = entries
    .map(({ path, source, content, contentType }) => `${path}\n${source}\n${content}\n${contentType}`)
    .join('\n');
  let known = paths.get(name);
  if (!known) {
    known = new Map(
      entries.map(({ path, source, content, contentType }) => {
        const kind = SOURCES[source];
        const isOfRecord = kind === 'record' || kind === 'password';
        return [path, { source: kind, content: isOfRecord ? content : undefined, contentType }];
      }),
    );
    paths.set(name, known);
  }
  return known;
}

function versionsOf(indexes: Readonly<Record<string, number>>): Versions {
  const name = JSON.stringify(indexes);
  let known = versionLists.get(name);
  if (!known) {
    known = new Map(Object.entries(indexes));
    versionLists.set(name, known);
  }
  return known;
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
