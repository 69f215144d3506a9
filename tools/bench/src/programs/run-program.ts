import type { ProgramName, Programs } from './protocol.ts';

interface Started<N extends ProgramName> {
  readonly ready: Programs[N]['ready'];
  answer?(question: Programs[N]['question']): Programs[N]['answer'] | Promise<Programs[N]['answer']>;
}

/** Makes this process the program `name` of the bench that forked it, for as long as that one lives. */
export async function runProgram<N extends ProgramName>(
  name: N,
  start: (input: Programs[N]['input']) => Promise<Started<N>>,
): Promise<void> {
  process.title = `hallmark-bench ${name}`;
  // Both ends are of the same version, so what comes is taken at its word.
  const program = await start(JSON.parse(process.argv[2] ?? '{}') as Programs[N]['input']);
  process.on('message', (question: Programs[N]['question']) => {
    void Promise.resolve(program.answer?.(question)).then((answer) => process.send?.(answer));
  });
  // Whatever ended the bench, nothing of it stays.
  process.on('disconnect', () => process.exit());
  process.send?.(program.ready);
}
