import type { Worker } from 'node:cluster';
import type { ConfigSources } from '../config/sources.ts';
import { readToPrimary, type ToPrimary, type ToWorker } from './messages.ts';
import type { RunningApp } from './app.ts';

/** A worker could not start its app. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  /** What the operator should read; empty when the worker's log has it, with a stack. */
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super('A worker could not start.');
    this.lines = lines;
  }
}

type BusMessage = ToPrimary & { hallmark: 'bus' };
type Question = { hallmark: 'readiness' } | Omit<ToWorker & { hallmark: 'reload' }, 'question'>;

/** One worker as the primary process sees it. */
export class PoolWorker {
  /** How it ended, once it has: `code 0`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  readonly #process: Worker;
  readonly #relay: (message: BusMessage) => void;
  readonly #started = Promise.withResolvers<RunningApp['addresses']>();
  readonly #questions = new Map<number, (reasons: readonly string[] | undefined) => void>();
  #lastQuestion = 0;
  #isUp = false;

  constructor(process: Worker, relay: (message: BusMessage) => void) {
    this.#process = process;
    this.#relay = relay;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    process.on('message', (message: unknown) => {
      const report = readToPrimary(message);
      if (report) this.#hear(report);
    });
    process.on('exit', (code, signal) => {
      const end = signal ? `signal ${signal}` : `code ${code}`;
      for (const answer of this.#questions.values()) answer(undefined);
      this.#started.reject(new StartFailure([`a worker ended (${end}) before it had started`]));
      resolve(end);
    });
    // A channel that breaks while something is on its way: the exit follows and tells all.
    process.on('error', () => undefined);
    // Nobody may be waiting for the start when a worker dies later.
    this.#started.promise.catch(() => undefined);
  }

  get pid(): number {
    return this.#process.process.pid ?? 0;
  }

  /** Whether the app in it has started. */
  get isUp(): boolean {
    return this.#isUp;
  }

  start({ files }: ConfigSources): Promise<RunningApp['addresses']> {
    this.tell({ hallmark: 'start', files: [...files] });
    return this.#started.promise;
  }

  tell(message: ToWorker): void {
    if (this.#process.isConnected()) this.#process.send(message);
  }

  /** What the worker objects to; undefined when it has ended. */
  async ask(question: Question): Promise<readonly string[] | undefined> {
    if (!this.#process.isConnected()) return undefined;
    const id = ++this.#lastQuestion;
    const { promise, resolve } = Promise.withResolvers<readonly string[] | undefined>();
    this.#questions.set(id, resolve);
    this.tell({ ...question, question: id });
    return promise.finally(() => this.#questions.delete(id));
  }

  kill(): void {
    this.#process.process.kill('SIGKILL');
  }

  #hear(report: ToPrimary): void {
    switch (report.hallmark) {
      case 'started':
        this.#isUp = true;
        this.#started.resolve(report.addresses);
        break;
      case 'failed':
        this.#started.reject(new StartFailure(report.lines));
        break;
      case 'answer':
        this.#questions.get(report.question)?.(report.reasons);
        break;
      case 'bus':
        this.#relay(report);
    }
  }
}
