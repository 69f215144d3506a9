import { errorMediaOf, type ErrorMedia } from './accept.ts';

/** Writes a text as the medium needs it. */
type Escape = (text: string) => string;

/** What an error says, with the texts of strangers in it escaped. */
export type ErrorText = (escape: Escape) => string;

const CONTENT_TYPES = {
  text: 'text/plain; charset=UTF-8',
  html: 'text/html; charset=UTF-8',
  json: 'application/json',
} satisfies Record<ErrorMedia, string>;

const NOTHING = Buffer.alloc(0);

/** The template of most errors: what happened, and the detail behind it. */
export const explained =
  (explanation: string, detail = ''): ErrorText =>
  (escape) =>
    `${escape(explanation)}<br /><br />\n${escape(detail)}\n\n`;

export interface WebObError {
  /** Such as `404 Not Found`. */
  readonly statusLine: string;
  readonly text: ErrorText;
}

/** An error as the services of OpenStack that are built on WebOb tell it, byte for byte. */
export function renderWebObError(
  { statusLine, text }: WebObError,
  {
    method,
    headers,
  }: { readonly method?: string | undefined; readonly headers: { accept?: string | undefined } },
): { readonly body: Buffer; readonly headers: readonly string[] } {
  const isHead = method === 'HEAD';
  const media = isHead ? 'html' : errorMediaOf(headers.accept);
  const body = isHead ? NOTHING : Buffer.from(RENDERERS[media](statusLine, text));
  return { body, headers: ['Content-Length', String(body.length), 'Content-Type', CONTENT_TYPES[media]] };
}

const RENDERERS: Readonly<Record<ErrorMedia, (statusLine: string, text: ErrorText) => string>> = {
  text: (statusLine, text) => `${statusLine}\n\n${withoutTags(text(unchanged))}`,
  html: (statusLine, text) =>
    `<html>\n <head>\n  <title>${statusLine}</title>\n </head>\n <body>\n  <h1>${statusLine}</h1>\n  ${text(
      escapedHtml,
    )}\n </body>\n</html>`,
  json: (statusLine, text) => {
    const message = asciiJson(text(unchanged));
    const code = asciiJson(statusLine);
    const title = asciiJson(statusLine.slice(4));
    return `{"message": ${message}, "code": ${code}, "title": ${title}}`;
  },
};

const unchanged: Escape = (text) => text;

/** Lines are where the markup breaks them, and nowhere else. */
const withoutTags = (text: string): string =>
  text
    .replaceAll('\n', ' ')
    .replaceAll('\r', '')
    .replaceAll(/<br[^>]*>/gi, '\n')
    .replaceAll(/<!--|-->/g, '')
    .replaceAll(/<[^>]*>/g, '');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
};

const escapedHtml: Escape = (text) =>
  text
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/[^\0-\x7f]/gu, (character) => `&#${character.codePointAt(0)};`);

/** As Python writes a string: everything beyond ASCII escaped, in UTF-16. */
const asciiJson = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[^\0-~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
