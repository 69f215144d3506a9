import type { IncomingMessage } from 'node:http';
import { HttpFailure } from '../http/http-failure.ts';
import type { Problem } from '../http/problem.ts';
import { titleOf } from '../http/status.ts';
import { errorMediaOf, type ErrorMedia } from './accept.ts';
import { unknownError } from './guest-failures.ts';

const CONTENT_TYPES = {
  text: 'text/plain; charset=UTF-8',
  html: 'text/html; charset=UTF-8',
  json: 'application/json',
} satisfies Record<ErrorMedia, string>;

const NOTHING = Buffer.alloc(0);

/**
 * What a guest is told about anything that was thrown: byte for byte as Nova tells it, in what the guest
 * says it reads.
 */
export function guestProblemOf(thrown: unknown, { method, headers }: IncomingMessage): Problem {
  if (!(thrown instanceof HttpFailure)) {
    return { ...problemIn(unknownError('INTERNAL'), method, headers.accept), err: thrown };
  }
  return problemIn(thrown, method, headers.accept);
}

function problemIn(failure: HttpFailure, method: string | undefined, accept: string | undefined): Problem {
  const { status, reason, message } = failure;
  const isHead = method === 'HEAD';
  const media = isHead ? 'html' : errorMediaOf(accept);
  const body = isHead ? NOTHING : Buffer.from(RENDERERS[media](`${status} ${titleOf(status)}`, message));
  const ofBody = ['Content-Length', String(body.length), 'Content-Type', CONTENT_TYPES[media]];
  return { status, reason, headers: [...ofBody, ...Object.entries(failure.headers).flat()], body };
}

/** WebOb's templates. */
const RENDERERS: Readonly<Record<ErrorMedia, (status: string, explanation: string) => string>> = {
  text: (status, explanation) => `${status}\n\n${explanation.replaceAll(TAGS, '')}\n\n   `,
  html: (status, explanation) =>
    `<html>\n <head>\n  <title>${status}</title>\n </head>\n <body>\n  <h1>${status}</h1>\n  ${escaped(
      explanation,
    )}<br /><br />\n\n\n\n </body>\n</html>`,
  json: (status, explanation) => {
    const message = asciiJson(`${explanation}<br /><br />\n\n\n`);
    const code = asciiJson(status);
    const title = asciiJson(status.slice(4));
    return `{"message": ${message}, "code": ${code}, "title": ${title}}`;
  },
};

const TAGS = /<[^<>]*>/g;
const NOT_ASCII = /[^ -~\n\r\t]/g;

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#x27;',
  };
  return text
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
    .replaceAll(NOT_ASCII, (character) => `&#${character.charCodeAt(0)};`);
}

/** As Python writes a string: everything beyond ASCII escaped. */
const asciiJson = (text: string): string =>
  JSON.stringify(text).replaceAll(
    NOT_ASCII,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
