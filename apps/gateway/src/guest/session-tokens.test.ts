import { describe, expect, test } from '@jest/globals';
import { SessionTokens } from './session-tokens.ts';

const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
const NOW = Date.parse('2026-11-22T03:00:00Z');

describe('a session token', () => {
  const tokens = new SessionTokens(['secret']);
  const token = tokens.issue(ID, 60, NOW);

  test('is good until its time is over', () => {
    expect(tokens.holds(token, ID, NOW)).toBe(true);
    expect(tokens.holds(token, ID, NOW + 59_999)).toBe(true);
    expect(tokens.holds(token, ID, NOW + 60_000)).toBe(false);
  });

  test('is another one each time', () => {
    expect(tokens.issue(ID, 60, NOW)).not.toBe(token);
  });

  test('is spoilt by any change, its time included', () => {
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(tokens.holds(changed, ID, NOW)).toBe(false);
    }
  });

  test('is good with any secret that made it', () => {
    expect(new SessionTokens(['new', 'secret']).holds(token, ID, NOW)).toBe(true);
    expect(new SessionTokens(['new']).holds(token, ID, NOW)).toBe(false);
    const made = new SessionTokens(['new', 'secret']).issue(ID, 60, NOW);
    expect(tokens.holds(made, ID, NOW)).toBe(false);
  });
});
