import { runBulk } from '../load/bulk.ts';
import { runProgram } from './run-program.ts';

await runProgram('bulk-client', () => Promise.resolve({ ready: {}, answer: runBulk }));
