import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { addAbortSignal, type Readable } from 'node:stream';
import {
  HUNG_UP,
  type Ending,
  type GatewayEvents,
  type Introducer,
  type Origin,
  type Route,
  type SeenRequest,
} from '../events.ts';
import type { AnswerPart } from '../nova/answer.ts';
import type { Caller } from './callers.ts';
import type { Problem } from './problem.ts';

/** What all exchanges of a listener have in common. */
export interface Door {
  readonly events: GatewayEvents;
  /** Milliseconds, by a clock that is never set back. */
  readonly now: () => number;
  /** How this listener tells of a failure. */
  readonly problem: (thrown: unknown, request: IncomingMessage) => Problem;
  /** The listener is closing: every answer is the last on its connection. */
  closing: boolean;
}

/**
 * One request, what is learned while it is served, and its only end: an answer, a problem, or a caller
 * that hung up. Each writes the one log line. It writes past Fastify's reply, whose serializers and
 * hooks nobody here needs.
 */
export class Exchange implements SeenRequest {
  readonly id: string;
  readonly route: Route;
  readonly request: IncomingMessage;
  readonly startedAtMs: number;
  requestBytes = 0;
  caller: Caller | undefined;
  /** Where the word on the caller, and the answer, came from. */
  callerOrigin: Origin | undefined;
  answerOrigin: Origin | undefined;
  parts: readonly AnswerPart[] | undefined;
  /** The instance that it is about, where the path does not say. */
  instanceId: string | undefined;
  /** Of a guest: who said so, the project that was named, and where its record came from. */
  introducedBy: Introducer | undefined;
  projectId: string | undefined;
  metadataOrigin: Origin | undefined;
  /** Whether it waited for a change, so that its time says nothing of ours. */
  waited = false;
  /** Whether the caller holds its body back until it is told to go on. */
  awaitsContinue = false;
  /** How long the rest of a body that nobody reads is taken after the answer. Its caller reads nothing before. */
  restOfBodyMs = 0;

  readonly #door: Door;
  readonly #response: ServerResponse;
  #hungUp: { readonly controller: AbortController; readonly abort: () => void } | undefined;

  constructor(door: Door, id: string, route: Route, request: IncomingMessage, response: ServerResponse) {
    this.#door = door;
    this.#response = response;
    this.id = id;
    this.route = route;
    this.request = request;
    this.startedAtMs = door.now();
    door.events.began();
  }

  /** The time by the clock of `startedAtMs`. */
  now(): number {
    return this.#door.now();
  }

  get elapsedMs(): number {
    return this.#door.now() - this.startedAtMs;
  }

  /** Answers. `headers` are names and values in turn, those of the body included. */
  answer(headers: string[], body: Buffer, status = 200): void {
    this.#end({ status, bytes: body.length }, headers, body);
  }

  /** Tells a caller that waits for it to send its body. */
  welcomeBody(): void {
    if (!this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.#response.writeContinue();
  }

  /**
   * Answers with `size` bytes that are passed on as they come, no faster than the caller takes them. A
   * caller that hangs up ends the source. A source that fails cuts the answer short, which the caller
   * sees by its `Content-Length`.
   */
  async stream(headers: string[], size: number, source: Readable, status = 200): Promise<void> {
    const { events } = this.#door;
    const { hangUpSignal } = this;
    let bytes = 0;
    try {
      addAbortSignal(hangUpSignal, source);
      this.#response.writeHead(status, this.#withCommonHeaders(headers));
      for await (const chunk of source as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > size) throw new Error(`More came than the ${size} bytes that were announced.`);
        if (!this.#response.write(chunk)) await once(this.#response, 'drain', { signal: hangUpSignal });
      }
      if (bytes < size) throw new Error(`Only ${bytes} came of the ${size} bytes that were announced.`);
    } catch (thrown) {
      const hungUp = hangUpSignal.aborted;
      this.#response.destroy();
      if (hungUp) events.ended(this, { status: HUNG_UP, bytes, reason: 'HUNG_UP' });
      else events.ended(this, { status, bytes, reason: 'ANSWER_CUT_SHORT', err: thrown });
      return;
    }
    this.#response.end();
    events.ended(this, { status, bytes });
  }

  /** Answers with what may be told of anything that was thrown. */
  problem(thrown: unknown): void {
    const { status, reason, headers, body, err } = this.#door.problem(thrown, this.request);
    this.#end({ status, bytes: body.length, reason, err }, [...headers], body);
  }

  /** Aborts when the caller hangs up before the answer. Asked for only where that saves something. */
  get hangUpSignal(): AbortSignal {
    if (!this.#hungUp) {
      const controller = new AbortController();
      const abort = (): void => controller.abort();
      if (this.#response.destroyed) abort();
      else this.#response.once('close', abort);
      this.#hungUp = { controller, abort };
    }
    return this.#hungUp.controller.signal;
  }

  /** Lets go of the signal, the heaviest part of an exchange, before a long time without a call. */
  rest(): void {
    if (this.#hungUp) this.#response.off('close', this.#hungUp.abort);
    this.#hungUp = undefined;
  }

  /** Calls when the caller hangs up, and also when the answer is sent. */
  whenHungUp(listener: () => void): void {
    if (this.#response.destroyed) listener();
    else this.#response.once('close', listener);
  }

  /** Ends an exchange that nobody waits for any more. */
  hungUp(): void {
    this.#door.events.ended(this, { status: HUNG_UP, bytes: 0, reason: 'HUNG_UP' });
  }

  #end(ending: Ending, headers: string[], body: Buffer): void {
    const { events } = this.#door;
    if (this.#response.destroyed) {
      this.hungUp();
      return;
    }
    this.#response.writeHead(ending.status, this.#withCommonHeaders(headers));
    if (this.restOfBodyMs > 0 && this.#bodyStillComes()) this.#endAfterBody(body);
    // A string goes out in one write with the headers, a Buffer in a second: the dearest part of a repeat.
    else this.#response.end(body.toString('latin1'), 'latin1');
    events.ended(this, ending);
  }

  #bodyStillComes(): boolean {
    const { complete, destroyed, headers } = this.request;
    if (complete || destroyed || this.awaitsContinue) return false;
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  }

  /**
   * Sends the whole answer, and ends it when the body has come and was dropped, or has taken too long: a
   * connection that is cut while its caller still sends takes the answer with it.
   */
  #endAfterBody(body: Buffer): void {
    const { request } = this;
    if (body.length > 0) this.#response.write(body);
    else this.#response.flushHeaders();
    const end = (): void => {
      clearTimeout(timer);
      this.#response.end();
    };
    const timer = setTimeout(() => {
      end();
      request.destroy();
    }, this.restOfBodyMs);
    request.once('close', end);
    request.on('error', () => undefined);
    // A listener, because a reader that leaves only now would stop what merely flows.
    request.on('data', () => undefined);
    request.resume();
  }

  #withCommonHeaders(headers: string[]): string[] {
    headers.push('X-Openstack-Request-Id', this.id);
    // A body that was never asked for may come or not: what follows on the connection is no request for sure.
    if (this.#door.closing || this.awaitsContinue) headers.push('Connection', 'close');
    return headers;
  }
}
