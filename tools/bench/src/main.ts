import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { StartFailure } from '@hallmark/serve';
import { benchGuest, guestReport } from './guest/bench.ts';
import { FULL_GUEST, QUICK_GUEST } from './guest/scale.ts';
import { benchImages, imagesReport } from './images/bench.ts';
import { FULL_IMAGES, QUICK_IMAGES } from './images/scale.ts';
import { describeMachine, renderReport, type Report } from './report.ts';
import { FULL, QUICK } from './scale.ts';
import { benchVendordata, vendordataReport } from './vendordata/bench.ts';

const USAGE = `usage: npm run bench -- vendordata|guest|images [--json FILE] [--quick]

Starts all processes of Hallmark and measures what docs/performance.md tells, on loopback: vendordata in
about a minute and a half, guest in about four, images in about twelve. --json also writes the figures to FILE; --quick only shows
that it works. The exit code is 1 when something is not right, such as a request that failed; speed never
decides it.`;

interface Measured {
  readonly figures: object;
  readonly report: Report;
}

type Bench = (quick: boolean, say: (line: string) => void) => Promise<Measured>;

const BENCHES: ReadonlyMap<string, Bench> = new Map<string, Bench>([
  [
    'vendordata',
    async (quick, say) => {
      const figures = await benchVendordata(quick ? QUICK : FULL, stop.signal, say);
      return { figures, report: vendordataReport(figures) };
    },
  ],
  [
    'guest',
    async (quick, say) => {
      const figures = await benchGuest(quick ? QUICK_GUEST : FULL_GUEST, stop.signal, say);
      return { figures, report: guestReport(figures) };
    },
  ],
  [
    'images',
    async (quick, say) => {
      const figures = await benchImages(quick ? QUICK_IMAGES : FULL_IMAGES, stop.signal, say);
      return { figures, report: imagesReport(figures) };
    },
  ],
]);

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

const [name = ''] = positionals;
const bench = BENCHES.get(name);

if (values.help) {
  console.log(USAGE);
} else if (positionals.length !== 1 || !bench) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run(bench);
  } catch (error) {
    if (error instanceof StartFailure) console.error(`bench: ${error.message}`);
    else if (!stop.signal.aborted) throw error;
    process.exitCode = 1;
  }
}

async function run(measure: Bench): Promise<number> {
  const machine = describeMachine();
  const { figures, report } = await measure(values.quick, (line) => console.error(`bench: ${line}`));
  const { verdicts } = report;
  console.log(`\n${renderReport(report, machine)}`);
  if (values.json !== undefined) {
    const told = { bench: name, quick: values.quick, machine, ...figures, verdicts };
    await writeFile(values.json, `${JSON.stringify(told, null, 2)}\n`);
  }
  return verdicts.some(({ binding, reached }) => binding && !reached) ? 1 : 0;
}
