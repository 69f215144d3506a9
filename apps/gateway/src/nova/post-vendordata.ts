import type { Origin } from '../events.ts';
import { readBody } from '../http/body.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Answer } from './answer.ts';
import type { NovaRules } from './admit.ts';
import { Document, questionKey, type Answers, type Question } from './answers.ts';
import { ageSeconds } from './freshness.ts';
import { timingEntry } from './server-timing.ts';

export interface VendordataEndpoint {
  readonly answers: Answers;
  readonly rules: () => NovaRules;
  readonly maxBodyBytes: number;
}

/**
 * `POST /vendordata` and `POST /vendordata/NAME`: what all targets, or one, say about the instance in
 * the body. A question that was answered lately is answered again without asking anybody.
 */
export function postVendordata({ answers, rules, maxBodyBytes }: VendordataEndpoint) {
  return (exchange: Exchange, { name = '' }: Readonly<Record<string, string>>): void => {
    readBody(exchange.request, maxBodyBytes, (failure, instanceJson) => {
      if (failure) {
        exchange.problem(failure);
        return;
      }
      exchange.requestBytes = instanceJson.length;
      try {
        serve(exchange, { instanceJson, target: name, document: Document.UNSPECIFIED });
      } catch (thrown) {
        exchange.problem(thrown);
      }
    });
  };

  function serve(exchange: Exchange, question: Question): void {
    const key = questionKey(question);
    // Not the time of the headers: the body may have been long on its way.
    const nowMs = exchange.now();
    const kept = answers.find(key, nowMs);
    if (kept) send(exchange, kept, 'hit', nowMs);
    else void ask(exchange, key, question);
  }

  async function ask(exchange: Exchange, key: string, question: Question): Promise<void> {
    try {
      const { answer, shared } = await answers.ask(key, question, {
        requestId: exchange.id,
        timeoutMs: rules().timeoutMs,
        signal: exchange.hangUpSignal,
      });
      send(exchange, answer, shared ? 'shared' : 'miss', exchange.now());
    } catch (thrown) {
      exchange.problem(thrown);
    }
  }
}

function send(exchange: Exchange, answer: Answer, origin: Origin, nowMs: number): void {
  exchange.answerOrigin = origin;
  const headers = ['Content-Length', answer.content.length, 'Cache-Control', answer.cacheControl];
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
  headers.push('Content-Type', 'application/json');
  exchange.answer(headers, answer.content.bytes);
}
