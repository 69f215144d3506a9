import { describe, expect, test } from '@jest/globals';
import { parseConfig } from './load.ts';
import { ConfigError } from './faults.ts';
import { substitute } from './substitution.ts';

describe('a reference', () => {
  const known: Record<string, string> = {
    my_ip: '10.0.0.4',
    'api.url': 'http://h',
    Host: 'h1',
    'host.example.test': 'dotted',
    host: 'h2',
    none: '',
  };
  const cases: { text: string; value: string }[] = [
    { text: 'cmdb@http://$my_ip:8000/', value: 'cmdb@http://10.0.0.4:8000/' },
    { text: '${my_ip}0', value: '10.0.0.40' },
    { text: '$api.url/x', value: 'http://h/x' },
    { text: '${api.url}/x', value: 'http://h/x' },
    { text: '$Host', value: 'h1' },
    { text: '$host.example.test', value: 'dotted' },
    { text: '${host}.example.test', value: 'h2.example.test' },
    { text: '[$none]', value: '[]' },
    { text: 'pa$$word', value: 'pa$word' },
    { text: 'pa\\$word', value: 'pa$word' },
    { text: '$$my_ip', value: '$my_ip' },
    { text: '$1', value: '$1' },
    { text: 'a $ b', value: 'a $ b' },
    { text: 'end$', value: 'end$' },
    { text: '${my_ip', value: '${my_ip' },
    { text: '$my_ip$my_ip', value: '10.0.0.410.0.0.4' },
  ];
  test.each(cases)('$text becomes $value', ({ text, value }) => {
    expect(substitute(text, (name) => known[name] ?? `unknown ${name}`)).toBe(value);
  });
});

describe('what a reference names', () => {
  const prefix = (ini: string, env?: Record<string, string>): string =>
    parseConfig(ini, env).vendordata_cache.key_prefix;

  const cases: { it: string; ini: string; env?: Record<string, string>; value: string }[] = [
    {
      it: 'is looked for in its own section first',
      ini: '[DEFAULT]\nredis_username = far\n[vendordata_cache]\nkey_prefix = $redis_username\nredis_username = near',
      value: 'near',
    },
    {
      it: 'is then looked for in DEFAULT',
      ini: '[DEFAULT]\nmy_ip = 10.0.0.4\n[vendordata_cache]\nkey_prefix = x$my_ip',
      value: 'x10.0.0.4',
    },
    {
      it: 'may be in another section',
      ini: '[Other]\nname = n\n[vendordata_cache]\nkey_prefix = ${other.name}',
      value: 'n',
    },
    {
      it: 'may hold references itself',
      ini: '[DEFAULT]\na = $b\nb = c\n[vendordata_cache]\nkey_prefix = $a',
      value: 'c',
    },
    { it: 'may be a default', ini: '[vendordata_cache]\nkey_prefix = ${redis_timeout}s', value: '0.25s' },
    {
      it: 'is empty where an option has no value',
      ini: '[vendordata_cache]\nkey_prefix = x${redis_username}',
      value: 'x',
    },
    {
      it: 'may be set by the environment',
      ini: '[vendordata_cache]\nkey_prefix = $log.level',
      env: { OS_LOG__LEVEL: 'warn' },
      value: 'warn',
    },
    {
      it: 'counts in the environment too',
      ini: '[log]\nlevel = warn',
      env: { OS_VENDORDATA_CACHE__KEY_PREFIX: 'is-$log.level' },
      value: 'is-warn',
    },
  ];
  test.each(cases)('$it', ({ ini, env, value }) => {
    expect(prefix(ini, env)).toBe(value);
  });

  test('is replaced before the type is read', () => {
    const config = parseConfig(
      '[DEFAULT]\nhosts = a:1,b:2\nten = 10\n[rpc]\nidentity_endpoints = $hosts\nconnections = $ten',
    );
    expect(config.rpc).toMatchObject({ identity_endpoints: ['a:1', 'b:2'], connections: 10 });
  });
});

describe('a reference that leads nowhere', () => {
  const faultsOf = (ini: string): string[] => {
    try {
      parseConfig(ini);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
      throw error;
    }
  };

  test('is a fault that names it', () => {
    expect(faultsOf('[vendordata_cache]\nkey_prefix = $nothing')).toEqual([
      'hallmark.conf:2: [vendordata_cache] key_prefix: $nothing is the name of no option that is set; write $$ for a plain $',
    ]);
  });

  test('is a fault when it leads back to itself', () => {
    expect(faultsOf('[DEFAULT]\na = $b\nb = $a\n[vendordata_cache]\nkey_prefix = $a')).toEqual([
      'hallmark.conf:5: [vendordata_cache] key_prefix: $a refers back to itself',
    ]);
  });

  test('does not show a part of a password', () => {
    const faults = faultsOf('[keystone_authtoken]\npassword = abc$hunter2');
    expect(faults).toEqual([
      'hallmark.conf:2: [keystone_authtoken] password: holds a $ that begins the name of no option; write $$ for a plain $',
    ]);
  });

  test("is nobody's business in a section of Nova", () => {
    expect(faultsOf('[DEFAULT]\nstate_path = $pybasedir\n[api]\nfoo = $bar')).toEqual([]);
  });
});
