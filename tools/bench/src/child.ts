import { once } from 'node:events';
import { fork, type ChildProcess } from 'node:child_process';
import type { ProgramName, Programs } from './programs/protocol.ts';

const FROM_SOURCE = import.meta.filename.endsWith('.ts');

/** One of the bench's own processes. It answers questions one at a time, and ends with us. */
export class Child<N extends ProgramName> implements AsyncDisposable {
  readonly name: N;
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #gone: Promise<never>;

  private constructor(name: N, process: ChildProcess, pid: number) {
    this.name = name;
    this.pid = pid;
    this.#process = process;
    this.#gone = once(process, 'exit').then(([code, signal]) => {
      throw new Error(`The bench's ${name} ended (${String(code ?? signal)}).`);
    });
    // Nobody may be asking when it ends.
    this.#gone.catch(() => undefined);
  }

  /** Starts it and waits until it is ready. */
  static async start<N extends ProgramName>(
    name: N,
    input: Programs[N]['input'],
  ): Promise<{ child: Child<N>; ready: Programs[N]['ready'] }> {
    const entry = `${import.meta.dirname}/programs/${name}.${FROM_SOURCE ? 'ts' : 'js'}`;
    const process = fork(entry, [JSON.stringify(input)], {
      execArgv: FROM_SOURCE ? ['--conditions=@hallmark/source'] : [],
    });
    if (process.pid === undefined) {
      const [cause] = (await once(process, 'error')) as [Error];
      throw new Error(`The bench's ${name} could not be started.`, { cause });
    }
    const child = new Child(name, process, process.pid);
    const [ready] = (await child.#hear()) as [Programs[N]['ready']];
    return { child, ready };
  }

  async ask(question: Programs[N]['question']): Promise<Programs[N]['answer']> {
    const heard = this.#hear();
    this.#process.send(question);
    const [answer] = (await heard) as [Programs[N]['answer']];
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#gone.catch(() => undefined);
  }

  async #hear(): Promise<unknown[]> {
    const heard: Promise<unknown[]> = once(this.#process, 'message');
    return await Promise.race([heard, this.#gone]);
  }
}
