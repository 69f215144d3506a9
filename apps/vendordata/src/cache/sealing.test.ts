import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { ConfigError } from '@hallmark/runtime';
import { SealingKeys } from './sealing.ts';

const OLD = randomBytes(32).toString('base64');
const NEW = randomBytes(32).toString('base64');
const plain = Buffer.from('{"password": "hunter2"}');

const keys = (...lines: string[]): SealingKeys => SealingKeys.parse(lines.join('\n'), '/etc/hallmark/keys');

describe('what is sealed', () => {
  test('opens under its name', () => {
    expect(keys(OLD).open('a', keys(OLD).seal('a', plain))).toEqual(plain);
  });

  test('shows nothing of what it holds, and is never the same twice', () => {
    const sealed = keys(OLD).seal('a', plain);
    expect(sealed.includes('hunter2')).toBe(false);
    expect(sealed.equals(keys(OLD).seal('a', plain))).toBe(false);
  });

  const sealed = keys(OLD).seal('a', plain);
  const flipped = (at: number): Buffer =>
    Buffer.from(sealed.map((byte, index) => (index === at ? byte ^ 1 : byte)));
  const misses: { it: string; by?: SealingKeys; name?: string; bytes?: Buffer }[] = [
    { it: 'under another name', name: 'b' },
    { it: 'with another key', by: keys(NEW) },
    { it: 'with another key id', bytes: flipped(0) },
    { it: 'with another nonce', bytes: flipped(4) },
    { it: 'with another tag', bytes: flipped(16) },
    { it: 'when a byte of it has changed', bytes: flipped(sealed.length - 1) },
    { it: 'when its end is missing', bytes: sealed.subarray(0, -1) },
    { it: 'when there is next to nothing', bytes: sealed.subarray(0, 10) },
    { it: 'when it is empty', bytes: Buffer.alloc(0) },
  ];
  test.each(misses)('does not open $it', ({ by = keys(OLD), name = 'a', bytes = sealed }) => {
    expect(by.open(name, bytes)).toBeUndefined();
  });
});

describe('rotation', () => {
  test('an old key still opens', () => {
    expect(keys(NEW, OLD).open('a', keys(OLD).seal('a', plain))).toEqual(plain);
  });

  test('the first key seals', () => {
    expect(keys(NEW).open('a', keys(NEW, OLD).seal('a', plain))).toEqual(plain);
  });
});

describe('a key file', () => {
  test('may have comments, empty lines and other line ends', () => {
    const read = SealingKeys.parse(`# made in 2026\r\n\r\n${OLD}\r\n`, '/keys');
    expect(read.open('a', keys(OLD).seal('a', plain))).toEqual(plain);
  });

  const faulty: { it: string; text: string; faults: string[] }[] = [
    {
      it: 'without a key',
      text: '# none\n',
      faults: ['/keys: holds no key; `openssl rand -base64 32` makes one'],
    },
    { it: 'with a short key', text: `${OLD}\nc2hvcnQ=\n`, faults: ['/keys:2: not 32 bytes in base64'] },
    {
      it: 'with two faults',
      text: `x\n${OLD}\ny`,
      faults: ['/keys:1: not 32 bytes in base64', '/keys:3: not 32 bytes in base64'],
    },
    { it: 'in hex', text: randomBytes(32).toString('hex'), faults: ['/keys:1: not 32 bytes in base64'] },
  ];
  test.each(faulty)('$it is refused, with the place and without the key', ({ text, faults }) => {
    let refused: unknown;
    try {
      SealingKeys.parse(text, '/keys');
    } catch (thrown) {
      refused = thrown;
    }
    expect(refused).toBeInstanceOf(ConfigError);
    expect(refused instanceof ConfigError && refused.faults.map(({ message }) => message)).toEqual(faults);
  });
});
