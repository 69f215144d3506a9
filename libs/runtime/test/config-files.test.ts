import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '../src/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hallmark-config-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const prefix = (value: string): string => `[vendordata_cache]\nkey_prefix = ${value}\n`;

function prefixFrom(...argv: string[]): string {
  const config = loadConfig(argv, {});
  return `${config.vendordata_cache.key_prefix} from ${config.where('vendordata_cache', 'key_prefix')}`;
}

function faultsOf(...argv: string[]): string[] {
  try {
    loadConfig(argv, {});
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
    throw error;
  }
}

describe('the files on the command line', () => {
  test('count in the order in which they are named', () => {
    const [a, b] = [write('a.conf', prefix('a')), write('b.conf', prefix('b'))];
    expect(prefixFrom('--config-file', a, '--config-file', b)).toBe(`b from ${b}:2`);
    expect(prefixFrom('--config-file', b, `--config-file=${a}`)).toBe(`a from ${a}:2`);
  });

  test('may be directories, of which every .conf is read, sorted by name', () => {
    const last = write('d/20-last.conf', prefix('last'));
    write('d/10-first.conf', prefix('first'));
    write('d/30-not-read.txt', prefix('text'));
    write('d/40-backup.conf~', prefix('backup'));
    const file = write('file.conf', prefix('file'));
    const dir = join(directory, 'd');
    expect(prefixFrom('--config-file', file, '--config-dir', dir)).toBe(`last from ${last}:2`);
    expect(prefixFrom('--config-dir', dir, '--config-file', file)).toBe(`file from ${file}:2`);
  });

  test('may be none', () => {
    expect(prefixFrom()).toBe('hallmark from default');
  });

  test('lose to the environment', () => {
    const config = loadConfig(['--config-file', write('a.conf', prefix('a'))], {
      OS_VENDORDATA_CACHE__KEY_PREFIX: 'e',
    });
    expect(config.vendordata_cache.key_prefix).toBe('e');
  });

  test('may refer to each other', () => {
    const a = write('a.conf', '[DEFAULT]\nsite = north\n');
    const b = write('b.conf', prefix('hallmark-$site'));
    expect(prefixFrom('--config-file', b, '--config-file', a)).toBe(`hallmark-north from ${b}:2`);
  });
});

describe('what cannot be read', () => {
  test('is told together with every other fault', () => {
    const missing = join(directory, 'missing.conf');
    const noDirectory = join(directory, 'missing.d');
    const latin1 = write('latin1.conf', Buffer.from('[log]\nlevel = d\xe9bogue\n', 'latin1'));
    const wrong = write('wrong.conf', '[rpc]\nconnections = x\noops\n');
    const later = write('later.conf', '[log]\nlevel = loud\n');
    expect(
      faultsOf(
        ...['--config-file', wrong, '--config-file', missing, '--config-dir', noDirectory],
        ...[
          '--config-file',
          latin1,
          '--config-file',
          directory,
          '--config-dir',
          wrong,
          '--config-file',
          later,
        ],
      ),
    ).toEqual([
      `${missing}: does not exist`,
      `${noDirectory}: does not exist`,
      `${latin1}: is not UTF-8 text`,
      `${directory}: is a directory; name it with --config-dir`,
      `${wrong}: is no directory; name it with --config-file`,
      `${wrong}:2: [rpc] connections: "x" is not an integer`,
      `${wrong}:3: has neither = nor : between an option and its value`,
      `${later}:2: [log] level: "loud" is not one of trace, debug, info, warn, error`,
    ]);
  });

  test('may be an argument', () => {
    expect(faultsOf('--config', 'x')).toEqual([
      expect.stringMatching(/^command line: Unknown option '--config'/),
    ]);
  });
});
