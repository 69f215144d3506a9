import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** A script that runs as one step in Redis. All its keys have one hash tag. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** Runs a script by its digest, which Redis forgets when it is flushed or restarted. */
export async function run(
  redis: Redis | Cluster,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.callBuffer('evalsha', sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.callBuffer('eval', lua, keys.length, ...keys, ...args);
  }
}

/**
 * Gives the tokens of the named fields and makes those that are missing. A token that was purged,
 * evicted or flushed is another one from then on, and with it the names of all that was kept under it.
 * KEYS: hash. ARGV: a new token, milliseconds to keep the hash at least, fields.
 */
export const TOKENS = script(`
local tokens = {}
for i = 3, #ARGV do
  local token = redis.call('HGET', KEYS[1], ARGV[i])
  if not token then
    token = ARGV[1]
    redis.call('HSET', KEYS[1], ARGV[i], token)
  end
  tokens[#tokens + 1] = token
end
if redis.call('PTTL', KEYS[1]) < ARGV[2] / 2 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return table.concat(tokens, '.')
`);

/** Takes tokens away: of the named field, or all. KEYS: hash. ARGV: perhaps a field. */
export const REVOKE = script(`
if ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('DEL', KEYS[1]) end
return false
`);

/** Keeps a hash of tokens for as long as what was kept under it. KEYS: hash. ARGV: milliseconds. */
export const PROLONG = script(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return false
`);

/**
 * Gives the kept answer if it is fresh; else makes the caller the one who asks, or one who waits for who
 * asks already. Full memory refuses even writes that would change nothing, so those are not tried. A
 * value begins with the time until which it is fresh, in 13 digits.
 * KEYS: answer, lock, waiting. ARGV: now, owner, inbox, milliseconds for the lock, for the waiting list.
 */
export const CLAIM = script(`
local kept = redis.call('GET', KEYS[1])
if kept and (tonumber(string.sub(kept, 1, 13)) or 0) > tonumber(ARGV[1]) then return {'fresh', kept} end
if redis.call('EXISTS', KEYS[2]) == 0 then
  local taken = redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
  if taken.err then return {'refused', kept, taken.err} end
  return {'lead', kept}
end
if redis.call('SISMEMBER', KEYS[3], ARGV[3]) == 0 then
  local added = redis.pcall('SADD', KEYS[3], ARGV[3])
  if type(added) == 'table' then return {'refused', kept, added.err} end
end
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return {'follow', kept}
`);

/** Keeps the lock while its owner still asks. KEYS: lock. ARGV: owner, milliseconds. */
export const RENEW = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return false
`);

/**
 * Keeps an answer for its time, hands it to those who wait, and lets go of the lock if it is still the
 * owner's. Full memory keeps none of the rest from happening.
 * KEYS: answer, lock, waiting. ARGV: owner, value ('' makes those who wait try again), milliseconds (0:
 * what was kept is void; -1: it is not).
 */
export const FINISH = script(`
local kept = false
if ARGV[3] == '0' then redis.call('DEL', KEYS[1])
elseif ARGV[3] ~= '-1' then kept = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
for _, inbox in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  redis.call('PUBLISH', inbox, KEYS[1] .. '\\n' .. ARGV[2])
end
redis.call('DEL', KEYS[3])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return kept and kept.err
`);

/**
 * Gives a purge its version and tells of it in the order of versions. A day later the time of day alone
 * is a larger one.
 * KEYS: purge clock. ARGV: channel, version at least, sealed purge.
 */
export const ANNOUNCE = script(`
local version = math.max(tonumber(ARGV[2]), (tonumber(redis.call('GET', KEYS[1])) or 0) + 1)
local text = string.format('%.0f', version)
redis.pcall('SET', KEYS[1], text, 'PX', 86400000)
redis.call('PUBLISH', ARGV[1], text .. '\\n' .. ARGV[3])
return text
`);

/** Whether Redis writes and publishes. KEYS: probe. ARGV: inbox. */
export const PROBE = script(`
local written = redis.pcall('SET', KEYS[1], '', 'PX', 10000)
redis.call('PUBLISH', ARGV[1], '')
return written.err
`);
