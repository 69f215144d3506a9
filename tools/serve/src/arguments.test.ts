import { describe, expect, test } from '@jest/globals';
import { parseArguments, UsageError } from './arguments.ts';

describe('the command line of serve', () => {
  test('names all apps when it names none', () => {
    expect(parseArguments([], '/home').apps).toEqual(['identity', 'vendordata', 'gateway']);
  });

  test('names some, each once', () => {
    expect(parseArguments(['gateway', 'identity', 'gateway'], '/home').apps).toEqual(['identity', 'gateway']);
  });

  test('keeps files and directories in order, because later ones win', () => {
    const argv = [
      '--config-dir=conf.d',
      'gateway',
      '--config-file',
      '/etc/nova/nova.conf',
      '--config-dir',
      'x',
    ];
    expect(parseArguments(argv, '/home').appArgs).toEqual([
      '--config-dir',
      '/home/conf.d',
      '--config-file',
      '/etc/nova/nova.conf',
      '--config-dir',
      '/home/x',
    ]);
  });

  test.each([
    [['gatway'], 'There is no app gatway. The apps are: identity, vendordata, gateway.'],
    [['--config-file'], "Option '--config-file <value>' argument missing"],
    [['--confg-file', 'x'], "Unknown option '--confg-file'"],
  ])('refuses %j', (argv, message) => {
    expect(() => parseArguments(argv, '/home')).toThrow(UsageError);
    expect(() => parseArguments(argv, '/home')).toThrow(message);
  });
});
