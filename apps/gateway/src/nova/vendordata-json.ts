/** One target's entry in the document. */
export interface DocumentPart {
  readonly name: string;
  /** JSON text in UTF-8, as the target wrote it. */
  readonly json: Uint8Array;
}

const NOTHING = Buffer.from('{}');

/**
 * The document `{"name": answer, …}` of all targets, in their order. The answers are copied, never
 * parsed: no number is rounded, no key of theirs reordered or dropped.
 */
export function renderDocument(parts: readonly DocumentPart[]): Buffer {
  if (parts.length === 0) return NOTHING;
  const pieces = parts.flatMap(({ name, json }, index) => [
    Buffer.from(`${index === 0 ? '{' : ', '}${JSON.stringify(name)}: `),
    json,
  ]);
  return joined([...pieces, Buffer.from('}')]);
}

/** The answer of one target alone; `{}` when it was not asked for this instance. */
export const renderPart = (json: Uint8Array | undefined): Buffer =>
  json === undefined ? NOTHING : joined([json]);

/**
 * In memory of its own: `Buffer.concat` would take small documents from a shared slab, which a kept
 * answer of a few bytes would then hold whole.
 */
function joined(pieces: readonly Uint8Array[]): Buffer {
  const document = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    document.set(piece, at);
    at += piece.length;
  }
  return document;
}
