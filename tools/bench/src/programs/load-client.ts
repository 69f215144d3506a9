import { runLoad } from '../load/run-load.ts';
import { runProgram } from './run-program.ts';

await runProgram('load-client', () => Promise.resolve({ ready: {}, answer: runLoad }));
