import type { VendordataAnswer } from './nova.ts';
import { parseServerTiming, type Timing } from './server-timing.ts';

/** What the words of `Server-Timing` mean for somebody who reads them for the first time. */
const WHY: ReadonlyMap<string, string> = new Map([
  ['fresh', 'the service answered just now'],
  ['cached', 'an answer from before that the service allows to be used again'],
  ['shared', 'the answer to the same question of somebody else at the same time'],
  ['stale', 'the service failed; the last good answer, as its policy says'],
  ['omitted', 'the service failed; {} in its place, as its policy says'],
  ['composed', 'put together from the cloud-init parts of all services'],
]);

/** An answer in full: the document, and per service why it looks as it does. */
export function describeAnswer(answer: VendordataAnswer): string {
  const document = JSON.stringify(JSON.parse(answer.body), null, 2);
  return `${indent(document)}\n\n${describeParts(answer)}`;
}

/** An answer that was seen before: only where it came from. */
export function describeParts(answer: VendordataAnswer): string {
  const timings = parseServerTiming(answer.serverTiming);
  const width = Math.max(...timings.map(({ name }) => name.length));
  const parts = timings.filter(({ name }) => name !== 'gateway').map((timing) => describePart(timing, width));
  const age = answer.age === undefined ? '' : `, Age: ${answer.age}`;
  return indent([...parts, '', `Cache-Control: ${answer.cacheControl}${age}`].join('\n'));
}

/** Whether the gateway repeated what it remembered, without asking another process. */
export function cameFromMemory(answer: VendordataAnswer): boolean {
  return parseServerTiming(answer.serverTiming).some(
    ({ name, description }) => name === 'gateway' && description === 'hit',
  );
}

/** The first line about a POST. */
export function describeCall(answer: VendordataAnswer): string {
  return `POST ${answer.path}  ->  ${answer.status} in ${formatMs(answer.ms)}`;
}

function describePart({ name, ms, description }: Timing, width: number): string {
  const time = formatMs(ms ?? 0).padStart(9);
  return `${name.padEnd(width)}  ${description.padEnd(8)} ${time}   ${WHY.get(description) ?? ''}`;
}

export function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '   ');
}
