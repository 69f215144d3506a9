import { describe, expect, test } from '@jest/globals';
import { bindOptions, formatListenAddress, isLoopback, parseListenAddress } from './listen-address.ts';

describe('an address', () => {
  const cases = [
    { text: '127.0.0.1:8780', host: '127.0.0.1', port: 8780 },
    { text: ' 127.0.0.1:8780 ', host: '127.0.0.1', port: 8780 },
    { text: '[::]:8780', host: '::', port: 8780 },
    { text: '[fe80::1%eth0]:8780', host: 'fe80::1%eth0', port: 8780 },
    { text: ':8780', host: '::', port: 8780 },
    { text: '0.0.0.0:0', host: '0.0.0.0', port: 0 },
    { text: 'gateway.example.test:65535', host: 'gateway.example.test', port: 65_535 },
  ];
  test.each(cases)('$text is read', ({ text, host, port }) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  const wrong = [
    '',
    '8780',
    'host',
    'host:',
    'host:port',
    '::1:8780',
    '[::1]',
    '[::1:8780',
    'http://h:80',
    'h:-1',
    'a@h:1',
    'h:123456',
  ];
  test.each(wrong)('"%s" is refused', (text) => {
    expect(() => parseListenAddress(text)).toThrow(`"${text}" is not an address with a port`);
  });

  test('has no port above 65535', () => {
    expect(() => parseListenAddress('h:65536')).toThrow('"h:65536" has a port above 65535');
  });

  test.each(['[::]:8780', '127.0.0.1:0', 'h:1'])('%s is written as it was read', (text) => {
    expect(formatListenAddress(parseListenAddress(text))).toBe(text);
  });
});

describe('[::]', () => {
  const cases = [
    { it: 'takes IPv4 too', listen: ['[::]:8780'], ipv6Only: [false] },
    { it: 'leaves IPv4 to its neighbour', listen: ['0.0.0.0:8780', '[::]:8780'], ipv6Only: [false, true] },
    { it: 'takes IPv4 at a port of its own', listen: ['127.0.0.1:8780', ':8781'], ipv6Only: [false, false] },
    {
      it: 'takes IPv4 where the system chooses the port',
      listen: ['127.0.0.1:0', ':0'],
      ipv6Only: [false, false],
    },
  ];
  test.each(cases)('$it', ({ listen, ipv6Only }) => {
    expect(bindOptions(listen).map((address) => address.ipv6Only)).toEqual(ipv6Only);
  });
});

describe('loopback', () => {
  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.test', '127.evil.test', ''])(
    'is not %j',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
