import { Content } from '../http/content.ts';
import type { Exchange } from '../http/exchange.ts';

/** A document or listing, ready to be sent. */
export interface GuestDocument {
  readonly content: Content;
  readonly contentType: string;
}

const NOTHING = Buffer.alloc(0);
/** The type of what Nova's password handler says, which sets none and gets WebOb's. */
const HTML = 'text/html; charset=UTF-8';

/** What everybody is told at `/`, known or not. EC2's versions are what they are. */
export const EC2_VERSIONS: GuestDocument = {
  content: new Content(
    Buffer.from(
      [
        '1.0',
        '2007-01-19',
        '2007-03-01',
        '2007-08-29',
        '2007-10-10',
        '2007-12-15',
        '2008-02-01',
        '2008-09-01',
        '2009-04-04',
        'latest',
      ].join('\n'),
    ),
  ),
  contentType: 'text/plain; charset=UTF-8',
};

/** Answers with a document, or says that the guest has it already. */
export function send(exchange: Exchange, { content, contentType }: GuestDocument): void {
  const { method, headers } = exchange.request;
  const known = headers['if-none-match'];
  if (known !== undefined && (method === 'GET' || method === 'HEAD') && names(known, content.etag)) {
    exchange.answer(['ETag', content.etag], NOTHING, 304);
    return;
  }
  const length = ['Content-Length', content.length];
  const type = ['Content-Type', contentType];
  const ofBody = contentType === HTML ? [...type, ...length] : [...length, ...type];
  exchange.answer([...ofBody, 'ETag', content.etag], content.bytes);
}

/** Answers that a password was taken. */
export function sendStored(exchange: Exchange): void {
  exchange.answer(['Content-Type', HTML, 'Content-Length', '0'], NOTHING);
}

/** Answers with a session token, which nobody may keep but the guest. */
export function sendToken(exchange: Exchange, token: string, ttlSeconds: number): void {
  const headers = ['Content-Length', String(token.length), 'Content-Type', 'text/plain; charset=UTF-8'];
  headers.push('Cache-Control', 'no-store', 'X-Aws-Ec2-Metadata-Token-Ttl-Seconds', String(ttlSeconds));
  exchange.answer(headers, Buffer.from(token));
}

/** Whether `If-None-Match` names this tag, which is compared weakly (RFC 9110, 13.1.2). */
const names = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch.trim() === '*' ||
  ifNoneMatch.split(',').some((named) => named.trim().replace(/^W\//, '') === etag);
