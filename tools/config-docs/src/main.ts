import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { renderDocuments } from './documents.ts';

/** Writes the reference page and the sample files; with --check, only tells which are not current. */

const ROOT = join(import.meta.dirname, '../../..');

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const stale = renderDocuments().filter(({ path, text }) => currentText(path) !== text);

for (const { path, text } of stale) {
  if (values.check) {
    console.error(`${path} is not current; run "npm run config:docs" and commit the result`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
    console.log(`wrote ${path}`);
  }
}
if (stale.length === 0) console.log('The configuration documents are current.');

function currentText(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return undefined; // not there yet
  }
}
