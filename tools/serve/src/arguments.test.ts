import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '@hallmark/runtime';
import { appsToStart } from './apps.ts';
import { parseArguments, UsageError } from './arguments.ts';

describe('the command line of serve', () => {
  test('names some, each once', () => {
    expect(parseArguments(['gateway', 'identity', 'gateway'], '/home').apps).toEqual(['identity', 'gateway']);
  });

  test('that names none asks for all that the configuration has a use for', () => {
    const { apps } = parseArguments([], '/home');
    expect(appsToStart(apps, parseConfig(''))).toEqual(['identity', 'vendordata', 'gateway']);
    const withInstances = parseConfig('[rpc]\ninstances_endpoints = 127.0.0.1:8783\n');
    expect(appsToStart(apps, withInstances)).toEqual(['identity', 'vendordata', 'instances', 'gateway']);
    const withImages = parseConfig('[rpc]\nimages_endpoints = 127.0.0.1:8785\n');
    expect(appsToStart(apps, withImages)).toEqual(['identity', 'vendordata', 'images', 'gateway']);
    expect(appsToStart(['instances', 'images'], parseConfig(''))).toEqual(['instances', 'images']);
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
    [['gatway'], 'There is no app gatway. The apps are: identity, vendordata, instances, images, gateway.'],
    [['--config-file'], "Option '--config-file <value>' argument missing"],
    [['--confg-file', 'x'], "Unknown option '--confg-file'"],
  ])('refuses %j', (argv, message) => {
    expect(() => parseArguments(argv, '/home')).toThrow(UsageError);
    expect(() => parseArguments(argv, '/home')).toThrow(message);
  });
});
