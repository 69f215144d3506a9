import { runImports } from '../load/imports.ts';
import { runProgram } from './run-program.ts';

await runProgram('importer', () => Promise.resolve({ ready: {}, answer: runImports }));
