import { randomUUID } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import {
  KEYSTONE_USERS,
  describeWithDocker,
  startFakeTarget,
  startKeystone,
  waitFor,
} from '@hallmark/testing';
import { House, keystoneConfig, novaBody, type Answer } from './house.ts';
import { statuses, underLoad } from './load.ts';

// Long enough to make the image, the first time on a machine.
jest.setTimeout(900_000);

describeWithDocker('when Keystone goes away', () => {
  test.each([
    ['stops', 'stop', 'start'],
    ['hangs', 'pause', 'unpause'],
  ] as const)(
    'and %s, known callers lose no request, unknown ones get 503, and all is well when it is back',
    async (_how, away, back) => {
      await using keystone = await startKeystone();
      await using target = await startFakeTarget({ json: { ok: true } });
      await using house = await House.start({
        // Longer than by default: what a busy machine takes to answer is no outage.
        config: `${keystoneConfig(keystone.url, KEYSTONE_USERS.hallmark.password)}
[api]
vendordata_dynamic_read_timeout = 30
[identity]
keystone_timeout = 10
[vendordata_target:one]
url = ${target.url}
failure = fatal
`,
      });
      const ask = (token: string): Promise<Answer> => house.post(novaBody(randomUUID()), { token });
      const known = await keystone.issueToken(KEYSTONE_USERS.nova);
      const unknown = await keystone.issueToken(KEYSTONE_USERS.nova);
      const letKnownIn = async (): Promise<boolean> => (await ask(known.token)).status === 200;
      // A Keystone that has just started on a busy machine may take longer than [identity] keystone_timeout, some times.
      await waitFor('the known token to be known', letKnownIn, 120_000);

      const load = await underLoad(house, { token: known.token, concurrency: 1 }, async (answered) => {
        await keystone.container[away]();
        const before = answered();
        await waitFor('answers without Keystone', () => answered() > before + 50, 60_000);

        const refusal = await ask(unknown.token);
        expect(refusal).toMatchObject({
          status: 503,
          text: expect.stringContaining('"KEYSTONE_UNAVAILABLE"'),
        });
        expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);

        await keystone.container[back]();
        const letIn = async (): Promise<boolean> => (await ask(unknown.token)).status === 200;
        await waitFor('the unknown token to be let in', letIn, 60_000);
      });

      expect(load.lost).toEqual([]);
      expect(Object.keys(statuses(load))).toEqual(['200']);
    },
  );
});
