import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Exchange, Origin } from '../http/exchange.ts';
import type { Answer } from './answer.ts';
import { questionKey, type Question } from './answers.ts';
import { ageSeconds } from './freshness.ts';
import type { NovaAppOptions } from './nova-app.ts';
import { timingEntry } from './server-timing.ts';

const NO_BODY = Buffer.alloc(0);

/**
 * `POST /vendordata` and `POST /vendordata/NAME`: what all targets, or one, say about the instance in
 * the body. A question that was answered lately is answered again without asking anybody.
 */
export function postVendordata(options: NovaAppOptions) {
  const { answers, door } = options;
  return (request: FastifyRequest<{ Params: { name?: string } }>, reply: FastifyReply): void => {
    const { exchange } = request;
    const instanceJson = Buffer.isBuffer(request.body) ? request.body : NO_BODY;
    const question = { instanceJson, target: request.params.name ?? '' };
    exchange.requestBytes = instanceJson.length;
    reply.hijack();

    const key = questionKey(question);
    const kept = answers.find(key, exchange.startedAtMs);
    if (kept) send(exchange, kept, 'hit', exchange.startedAtMs);
    else void ask(key, question, exchange);
  };

  async function ask(key: string, question: Question, exchange: Exchange): Promise<void> {
    try {
      const { answer, shared } = await answers.ask(key, question, {
        requestId: exchange.id,
        timeoutMs: options.rules().timeoutMs,
        signal: exchange.hangUpSignal,
      });
      send(exchange, answer, shared ? 'shared' : 'miss', door.now());
    } catch (thrown) {
      exchange.problem(thrown);
    }
  }
}

function send(exchange: Exchange, answer: Answer, origin: Origin, nowMs: number): void {
  exchange.answerOrigin = origin;
  const headers = ['Content-Length', answer.contentLength, 'Cache-Control', answer.cacheControl];
  if (answer.maxAgeSeconds !== undefined) {
    headers.push('Age', String(ageSeconds(answer.maxAgeSeconds, answer.freshUntilMs - nowMs)));
  }
  if (origin === 'hit') {
    headers.push('Server-Timing', answer.hitTiming);
  } else {
    exchange.parts = answer.parts;
    const gateway = timingEntry('gateway', nowMs - exchange.startedAtMs, origin);
    headers.push('Server-Timing', gateway + answer.partsTiming);
  }
  exchange.answer(headers, answer.body);
}
