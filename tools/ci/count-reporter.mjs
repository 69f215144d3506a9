import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers';

/** How long a run may stay after its last test. Past it, something that a test left open keeps it. */
const EXIT_GRACE_MS = 30_000;

/**
 * A Jest reporter that leaves the counts of one project's run in `test-results/`, where
 * `.ci/run` adds them up: Nx runs one Jest per project, and nobody else knows the sum.
 * It also ends a run that some open socket would keep for ever, and says what was open.
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
    setTimeout(() => {
      console.error(`${project}: tests left open: ${process.getActiveResourcesInfo().join(', ')}`);
      process.exit(counts.failed > 0 || !results.success ? 1 : 0);
    }, EXIT_GRACE_MS).unref();
  }
}
