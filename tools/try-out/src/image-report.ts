import type { Image } from './image-user.ts';

/** Which of the marks an image has, a line. */
export function describeMarks(image: Image, marks: Readonly<Record<string, string>>): string {
  const found = Object.keys(marks).filter((name) => image[name] !== undefined);
  const lines = found.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(image[name])}`);
  return lines.length === 0 ? '   none of the marks' : `   { ${lines.join(', ')} }`;
}

/** What the Image API escapes. */
const CHARACTERS: ReadonlyMap<string, string> = new Map([
  ['&#x27;', "'"],
  ['&quot;', '"'],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&amp;', '&'],
]);

/** What an error page of the Image API says, without its markup. */
export function wordsOf(page: string): string {
  const [, body = page] = /<body>(.*)<\/body>/s.exec(page) ?? [];
  return body
    .replaceAll(/<h1>.*?<\/h1>/gs, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(?:#x27|quot|lt|gt|amp);/g, (entity) => CHARACTERS.get(entity) ?? entity)
    .replaceAll(/\s+/g, ' ')
    .trim();
}
