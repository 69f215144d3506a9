import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { configCatalogue, loadConfig, parseConfig, type Config } from '@hallmark/runtime';
import { SAMPLES } from '../src/documents.ts';

const ROOT = join(import.meta.dirname, '../../..');
const samplePath = (file: string): string => join(ROOT, 'etc/hallmark', file);

/** The values, without the functions and the names of files beside them. */
const valuesOf = ({ warnings, ...config }: Config): unknown => ({
  warnings,
  ...Object.fromEntries(Object.entries(config).filter(([, value]) => typeof value !== 'function')),
  vendordata_target: undefined,
  files: undefined,
});

const DEFAULTS = valuesOf(parseConfig(''));

test('the documents in the repository are current', async () => {
  const main = join(import.meta.dirname, '../src/main.ts');
  const args = ['--conditions=@hallmark/source', main, '--check'];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { PATH: process.env['PATH'] },
  });
  expect(stdout).toBe('The configuration documents are current.\n');
});

describe.each(SAMPLES.map(({ file }) => file))('%s', (file) => {
  test('changes nothing as it is', () => {
    expect(valuesOf(loadConfig(['--config-file', samplePath(file)], {}))).toEqual(DEFAULTS);
  });

  test('changes nothing with every option opened either', () => {
    const opened = readFileSync(samplePath(file), 'utf8').replace(/^#(?=\[|[a-z_]+ =)/gm, '');
    const config = parseConfig(opened);
    expect(valuesOf(config)).toEqual(DEFAULTS);
    // Opened for real, not by accident left closed.
    expect(config.where('DEFAULT', 'debug')).toMatch(/^hallmark\.conf:\d+$/);
  });
});

const everyOption = configCatalogue().flatMap(({ name, options }) =>
  options.map((option) => ({ section: name, ...option })),
);

test.each(everyOption)('[$section] $name is explained', ({ section, name, description }) => {
  expect(description).toMatch(/^[A-Z`].*\.$/s);
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  const [, below = ''] = page.split(`\n## \`[${section}]\`\n`);
  const [own = ''] = below.split('\n## ');
  expect(own).toContain(`- **\`${name}\`** (`);
});
