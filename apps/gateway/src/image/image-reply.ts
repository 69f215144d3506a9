import type { Exchange } from '../http/exchange.ts';

const NOTHING = Buffer.alloc(0);
/** What WebOb says of a body of which nobody said what it is, also of none. */
const UNSAID_TYPE = ['Content-Type', 'text/html; charset=UTF-8'];

export function sendJson(
  exchange: Exchange,
  json: Uint8Array,
  { status = 200, headers = [] }: { status?: number; headers?: readonly string[] } = {},
): void {
  const length = ['Content-Length', String(json.length), 'Content-Type', 'application/json'];
  exchange.answer([...length, ...headers], Buffer.from(json.buffer, json.byteOffset, json.length), status);
}

export function sendText(exchange: Exchange, text: string): void {
  const body = Buffer.from(text);
  exchange.answer(['Content-Type', 'text/plain; charset=UTF-8', 'Content-Length', String(body.length)], body);
}

/** 202: taken on. */
export function sendAccepted(exchange: Exchange): void {
  exchange.answer([...UNSAID_TYPE, 'Content-Length', '0'], NOTHING, 202);
}

/** 204: done. */
export function sendDone(exchange: Exchange): void {
  exchange.answer([...UNSAID_TYPE], NOTHING, 204);
}

/** 204: there is no data. */
export function sendNoData(exchange: Exchange): void {
  exchange.answer([], NOTHING, 204);
}

/** 200 to OPTIONS, which means nothing here. */
export function sendEmpty(exchange: Exchange): void {
  exchange.answer(['Content-Length', '0'], NOTHING);
}
