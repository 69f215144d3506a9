import { describe, expect, test } from '@jest/globals';
import { ConfigError, parseConfig } from '@hallmark/runtime';
import { Replica, aKeyFile } from './cache-replica.ts';

async function refusal(config: readonly string[]): Promise<string> {
  try {
    await using replica = await Replica.start({ config });
    return replica.log;
  } catch (refused) {
    if (refused instanceof ConfigError) return refused.message;
    throw refused;
  }
}

describe('the start is refused', () => {
  const redis = 'redis_url = redis://127.0.0.1:1';

  test('with Redis and no key to seal with', () => {
    expect(() => parseConfig(['[vendordata_cache]', redis].join('\n'))).toThrow(ConfigError);
  });

  test.each([
    {
      it: 'a key file that is not there',
      lines: [redis, 'key_file = /nowhere/keys'],
      says: '/nowhere/keys: cannot be read (ENOENT)',
    },
    {
      it: 'a password file that is not there',
      lines: [redis, 'key_file = KEYS', 'redis_password_file = /nowhere/password'],
      says: '/nowhere/password: [vendordata_cache] redis_password_file: cannot be read (ENOENT)',
    },
    {
      it: 'an authority that is not there',
      lines: ['redis_url = rediss://127.0.0.1:1', 'key_file = KEYS', 'redis_cafile = /nowhere/ca.pem'],
      says: '/nowhere/ca.pem: [vendordata_cache] redis_cafile: cannot be read (ENOENT)',
    },
    {
      it: 'another kind of URL, of which nothing is told',
      lines: ['redis_url = http://user:hunter2@127.0.0.1:1', 'key_file = KEYS'],
      says: '[vendordata_cache] redis_url: must begin with redis:// or rediss://',
    },
  ])('with $it', async ({ lines, says }) => {
    await using keys = await aKeyFile();
    expect(await refusal(lines.map((line) => line.replace('KEYS', keys.path)))).toBe(says);
  });

  test('with a key that is none', async () => {
    await using keys = await aKeyFile('# keys', 'hunter2');
    expect(await refusal([redis, `key_file = ${keys.path}`])).toBe(`${keys.path}:2: not 32 bytes in base64`);
  });
});
