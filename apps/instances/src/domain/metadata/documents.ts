/**
 * Where the bytes of a document come from; the numbers are those of
 * `hallmark.instances.v1.MetadataEntry.Source`.
 */
export const Source = {
  /** From the contents of the answer. */
  contents: 0,
  /** `vendor_data.json`, from the vendordata service. */
  vendorData: 1,
  /** `vendor_data2.json`, from the vendordata service. */
  vendorData2: 2,
  /** The address of whoever asks. */
  callerAddress: 3,
  /** The password, which can be posted too. What is stored is among the contents. */
  password: 4,
} as const;
export type Source = (typeof Source)[keyof typeof Source];

/** As Nova sends them: a charset with text and none with JSON. */
export const ContentType = {
  text: 'text/plain; charset=UTF-8',
  html: 'text/html; charset=UTF-8',
  json: 'application/json',
} as const;

/** A document or listing below a version. */
export interface DocumentEntry {
  /** Without slashes at its ends; empty for the version's own listing. */
  path: string;
  source: Source;
  /** Index of its bytes, when they are among the contents. */
  content: number;
  contentType: string;
}

/** What lies below a version, sorted by path. */
export interface DocumentTree {
  entries: DocumentEntry[];
}

/** Gathers documents and trees, each different one once: versions share nearly all of theirs. */
export class DocumentCollection {
  readonly contents: Buffer[] = [];
  readonly trees: DocumentTree[] = [];
  readonly #textAt = new Map<string, number>();
  readonly #treeAt = new Map<string, number>();

  /** Index of a text's bytes. */
  addText(text: string): number {
    const known = this.#textAt.get(text);
    if (known !== undefined) return known;
    const index = this.addBytes(Buffer.from(text));
    this.#textAt.set(text, index);
    return index;
  }

  /** Index of bytes that are not compared with others. */
  addBytes(bytes: Buffer): number {
    return this.contents.push(bytes) - 1;
  }

  /** Index of a tree. The content type goes with the path. */
  addTree(entries: DocumentEntry[]): number {
    entries.sort((left, right) => (left.path < right.path ? -1 : 1));
    const signature = entries.map(({ path, source, content }) => `${path}:${source}:${content}`).join('\n');
    const known = this.#treeAt.get(signature);
    if (known !== undefined) return known;
    const index = this.trees.push({ entries }) - 1;
    this.#treeAt.set(signature, index);
    return index;
  }
}
