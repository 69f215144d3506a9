import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';

/**
 * A Jest reporter that leaves the counts of one project's run in `test-results/`, where
 * `.ci/run` adds them up: Nx runs one Jest per project, and nobody else knows the sum.
 * `run-jest.mjs` sees by them that the tests have ended.
 */
export default class CountReporter {
  onRunComplete(contexts, results) {
    const project = basename(process.cwd());
    const folder = join(import.meta.dirname, '../../test-results');
    mkdirSync(folder, { recursive: true });
    const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = results;
    const counts = {
      passed: numPassedTests,
      failed: numFailedTests + numRuntimeErrorTestSuites,
      skipped: numPendingTests,
    };
    writeFileSync(join(folder, `${project}.json`), JSON.stringify(counts));
  }
}
