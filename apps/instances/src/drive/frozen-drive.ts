import { z } from 'zod';
import type { DriveContents } from './drive-image.ts';

// Everything on a drive, as it is kept: the length of a head, the head in JSON, then the different
// contents one after the other. Most versions of the metadata share theirs.

const Head = z.object({
  createdAtMs: z.number(),
  files: z.array(z.object({ path: z.string(), content: z.number() })),
  /** Bytes of each of the contents. */
  lengths: z.array(z.number()),
});

const LENGTH_BYTES = 4;

export function freezeDrive({ files, createdAt }: DriveContents): Buffer {
  const contents: Uint8Array[] = [];
  const indexOf = (bytes: Uint8Array): number => {
    const found = contents.findIndex((content) => Buffer.compare(content, bytes) === 0);
    return found < 0 ? contents.push(bytes) - 1 : found;
  };
  const listed = files.map((file) => ({ path: file.path, content: indexOf(file.contents) }));
  const head: z.input<typeof Head> = {
    createdAtMs: createdAt.getTime(),
    files: listed,
    lengths: contents.map(({ length }) => length),
  };
  const headBytes = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(headBytes.length);
  return Buffer.concat([length, headBytes, ...contents]);
}

/** The inverse. Contents are views of `frozen`, not copies. */
export function thawDrive(frozen: Buffer): DriveContents {
  const start = LENGTH_BYTES + frozen.readUInt32BE();
  const { createdAtMs, files, lengths } = Head.parse(
    JSON.parse(frozen.subarray(LENGTH_BYTES, start).toString()),
  );
  let at = start;
  const contents = lengths.map((length) => frozen.subarray(at, (at += length)));
  return {
    createdAt: new Date(createdAtMs),
    files: files.map(({ path, content }) => ({ path, contents: contentAt(contents, content) })),
  };
}

function contentAt(contents: readonly Buffer[], index: number): Buffer {
  const content = contents[index];
  if (content === undefined) throw new Error('A frozen config drive lacks a content.');
  return content;
}
