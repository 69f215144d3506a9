import { describe, expect, test } from '@jest/globals';
import {
  conflict,
  forbidden,
  invalid,
  notFound,
  notReady,
  overQuota,
  timeout,
  unauthenticated,
  unavailable,
} from '@hallmark/errors';
import { HttpFailure } from './http-failure.ts';
import { problemOf } from './problem.ts';

const CHALLENGE = 'Keystone uri="https://k/v3"';

/** Those of the answer beside its body's, by name. */
function headersOf(thrown: unknown): Record<string, string> {
  const pairs = problemOf(thrown, CHALLENGE).headers;
  const headers: Record<string, string> = {};
  pairs.forEach((name, at) => {
    if (at % 2 === 0 && !name.startsWith('Content-')) headers[name] = pairs[at + 1] ?? '';
  });
  return headers;
}

describe('what a caller is told', () => {
  test.each([
    [invalid('R', 'm'), 400, 'Bad Request'],
    [unauthenticated('R', 'm'), 401, 'Unauthorized'],
    [forbidden('R', 'm'), 403, 'Forbidden'],
    [notFound('R', 'm'), 404, 'Not Found'],
    [conflict('R', 'm'), 409, 'Conflict'],
    [notReady('R', 'm'), 409, 'Conflict'],
    [overQuota('R', 'm'), 429, 'Too Many Requests'],
    [unavailable('R', 'm'), 503, 'Service Unavailable'],
    [timeout('R', 'm'), 504, 'Gateway Timeout'],
    [new HttpFailure(405, 'R', 'm', { allow: 'POST' }), 405, 'Method Not Allowed'],
  ])('of %s', (thrown, status, title) => {
    const problem = problemOf(thrown, CHALLENGE);
    expect(problem).toMatchObject({ status, reason: 'R' });
    expect(JSON.parse(problem.body.toString())).toEqual({
      error: { code: status, title, message: 'm', reason: 'R' },
    });
  });

  test('of a stranger is nothing', () => {
    const problem = problemOf(new TypeError('the password is hunter2'), CHALLENGE);
    expect(problem.status).toBe(500);
    expect(problem.body.toString()).not.toContain('hunter2');
  });

  test('of an outage includes when to come back', () => {
    const retryAfter = (seconds?: number) =>
      headersOf(unavailable('R', 'm', { retryAfterSeconds: seconds }))['retry-after'];
    expect(retryAfter(17)).toBe('17');
    expect(retryAfter(0.2)).toBe('1');
    expect(retryAfter(1.5)).toBe('2');
    expect(Number(retryAfter())).toBeGreaterThan(0);
  });

  test('of a missing or bad token includes where to get one, and of nothing else', () => {
    expect(headersOf(unauthenticated('R', 'm'))).toEqual({ 'www-authenticate': CHALLENGE });
    expect(headersOf(forbidden('R', 'm'))).toEqual({});
  });
});
