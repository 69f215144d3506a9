import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { StartFailure } from '@hallmark/serve';
import { describeMachine, renderReport } from './report.ts';
import { FULL, QUICK } from './scale.ts';
import { benchVendordata } from './vendordata.ts';
import { verdictsOf } from './verdicts.ts';

const USAGE = `usage: npm run bench -- vendordata [--json FILE] [--quick]

Starts all processes of Hallmark and measures what docs/performance.md tells, in about a minute and a
half, on loopback. --json also writes the figures to FILE; --quick only shows that it works. The exit
code is 1 when a request failed or identical requests were not merged; speed never decides it.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

if (values.help) {
  console.log(USAGE);
} else if (positionals.length !== 1 || positionals[0] !== 'vendordata') {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run();
  } catch (error) {
    if (error instanceof StartFailure) console.error(`bench: ${error.message}`);
    else if (!stop.signal.aborted) throw error;
    process.exitCode = 1;
  }
}

async function run(): Promise<number> {
  const machine = describeMachine();
  const result = await benchVendordata(values.quick ? QUICK : FULL, stop.signal, (line) =>
    console.error(`bench: ${line}`),
  );
  const verdicts = verdictsOf(result);
  console.log(`\n${renderReport(result, verdicts, machine)}`);
  if (values.json !== undefined) {
    const figures = { bench: 'vendordata', quick: values.quick, machine, ...result, verdicts };
    await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  }
  return verdicts.some(({ binding, reached }) => binding && !reached) ? 1 : 0;
}
