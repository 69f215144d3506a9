import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HallmarkError, type ErrorCode } from '@hallmark/errors';
import { images } from '@hallmark/contracts';
import { ALICE, ImageHouse, PROJECT } from './image-house.ts';

jest.setTimeout(30_000);

/** What Glance 25.1 was asked, and what it answered. */
interface Scene {
  readonly from: string;
  readonly title: string;
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  readonly answer: Readonly<Record<string, string>>;
  /** Absent where it is a document that images makes, and longer than a line. */
  readonly text?: string;
}

const SCENES = JSON.parse(
  readFileSync(new URL('fixtures/glance.json', import.meta.url), 'utf8'),
) as readonly Scene[];

const METHODS = Object.keys(images.ImagesServiceService).filter((method) => method !== 'getVersions');
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  413: 'over-quota',
};
/** A reason for each status whose message is the detail. */
const DETAILED: Readonly<Record<number, string>> = { 403: 'NAME_RESERVED', 409: 'PROPERTY_EXISTS' };

let house: ImageHouse;
beforeAll(async () => {
  house = await ImageHouse.open({
    ini: '[keystone_authtoken]\nwww_authenticate_uri = http://hp-keystone:5000\n',
  });
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.images.reset();
});

/** What images throws when Glance said this. */
function thrownFor({ status, text = '' }: Scene): Error | undefined {
  const code = CODES[status];
  if (!code) return status === 500 ? new Error('A bug.') : undefined;
  const [, explanation = '', detail = ''] = /^.*\n\n([^]*?)\n\n (.*) {2}$/.exec(text) ?? [];
  return detail === ''
    ? new HallmarkError(code, 'ANY_OTHER', explanation)
    : new HallmarkError(code, DETAILED[status] ?? '', detail);
}

const TOKENS: Readonly<Record<string, string | null>> = { None: null, garbage: 'gAAAAABgarbage' };

describe('what Glance answered is what the gateway answers', () => {
  test.each(SCENES.map((scene) => [`${scene.who} ${scene.method} ${scene.path} (${scene.title})`, scene]))(
    '%s',
    async (_name, scene) => {
      const failure = thrownFor(scene as Scene);
      const { who, method, path, headers, body, status, answer, text } = scene as Scene;
      if (failure) for (const rpc of METHODS) house.images.failures.set(rpc, failure);
      const reply = await house.ask({
        method,
        path,
        headers: { ...headers },
        token: who in TOKENS ? (TOKENS[who] ?? null) : ALICE,
        ...(body === undefined ? {} : { body }),
      });
      expect(reply.status).toBe(status);
      if (status >= 400 && method !== 'HEAD') expect(reply.body).toBe(text);
      for (const [name, value] of Object.entries(answer)) {
        const got = reply.headers[name.toLowerCase()];
        if (name === 'Content-Length' && status < 400) continue;
        if (name === 'X-Openstack-Request-Id') expect(got).toMatch(/^req-[-0-9a-f]{36}$/);
        else if (name === 'Location') {
          expect(got).toMatch(new RegExp(`^http://${house.address}/v2/images/[-0-9a-f]{36}$`));
        } else if (name === 'Openstack-Image-Store-Ids') expect(got).toBe('fast,slow');
        else if (name !== 'Content-Md5') expect([name, got]).toEqual([name, value]);
      }
      // The outcome of what the gateway decides alone must not depend on images.
      if ([401, 405].includes(status) && !path.startsWith('/v2/tasks/'))
        expect(house.images.calls).toEqual([]);
      const asked = house.images.calls.find(({ method: rpc }) => rpc !== 'getVersions');
      if (asked && 'caller' in asked.request) {
        expect(asked.request['caller']).toMatchObject({ projectId: PROJECT });
      }
    },
  );
});
