import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  KEYSTONE_USERS,
  describeWithDocker,
  startFakeTarget,
  startKeystone,
  waitFor,
  type FakeTarget,
  type KeystoneServer,
} from '@hallmark/testing';
import { House, keystoneConfig, novaBody, type Answer } from './house.ts';

// Long enough to make the image, the first time on a machine.
jest.setTimeout(900_000);

/** Real Keystone on a busy machine takes its time, and these tests do not measure it. */
const PATIENCE = '[api]\nvendordata_dynamic_read_timeout = 30\n[identity]\nkeystone_timeout = 15\n';
const EXPIRY_LIMIT_MS = 60_000;

const hallmarkLogin = (keystone: KeystoneServer): string =>
  keystoneConfig(keystone.url, KEYSTONE_USERS.hallmark.password);
const targetSection = (target: FakeTarget): string =>
  `[vendordata_target:one]\nurl = ${target.url}\nfailure = fatal\n`;
const reasonOf = ({ text }: Answer): unknown =>
  (JSON.parse(text) as { error: { reason: string } }).error.reason;
const shownToken = (target: FakeTarget): string => target.requests.at(-1)?.headers['x-auth-token'] ?? '';

describeWithDocker('with a real Keystone', () => {
  let keystone: KeystoneServer;
  let target: FakeTarget;
  let house: House;
  beforeAll(async () => {
    keystone = await startKeystone();
    target = await startFakeTarget({ json: { big: 'answer' } });
    house = await House.start({
      config: `${hallmarkLogin(keystone)}token_cache_time = 2\n${PATIENCE}${targetSection(target)}`,
    });
  });
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
    await keystone[Symbol.asyncDispose]();
  });
  const ask = (token: string): Promise<Answer> => house.post(novaBody(randomUUID()), { token });

  test("lets Nova's account in, and shows the target a token of Hallmark's own", async () => {
    const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);

    expect(await ask(token)).toMatchObject({ status: 200, text: '{"one": {"big":"answer"}}' });
    expect(shownToken(target)).not.toBe(token);
    expect(await keystone.ownerOf(shownToken(target))).toMatchObject({
      name: 'hallmark',
      roles: ['service'],
    });
  });

  test('refuses an ordinary member, who asks no target', async () => {
    const { token } = await keystone.issueToken(KEYSTONE_USERS.member);
    const before = target.requests.length;

    const answer = await ask(token);

    expect(answer.status).toBe(403);
    expect(reasonOf(answer)).toBe('ROLE_MISSING');
    expect(target.requests.length).toBe(before);
  });

  test('refuses what Keystone does not know, and says where to log in', async () => {
    const answer = await ask('gAAAAABnothing-that-Keystone-ever-made');

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(`Keystone uri="${keystone.url}/v3"`);
  });

  test('refuses a revoked token once token_cache_time is over', async () => {
    const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);
    expect((await ask(token)).status).toBe(200);

    await keystone.revoke(token);

    await waitFor('the token to be refused', async () => (await ask(token)).status === 401);
  });

  test('refuses the tokens of a user who has been disabled', async () => {
    const user = { name: `dismissed-${randomUUID()}`, password: 'p', project: 'service', roles: ['service'] };
    const { token } = await keystone.issueToken(await keystone.createUser(user));
    expect((await ask(token)).status).toBe(200);

    await keystone.setUserEnabled(user, false);

    await waitFor('the token to be refused', async () => (await ask(token)).status === 401);
  });

  test("logs in again when Hallmark's own tokens have ended, for validations and for targets", async () => {
    const first = await keystone.issueToken(KEYSTONE_USERS.nova);
    await ask(first.token);
    const ended = shownToken(target);

    await keystone.setUserEnabled(KEYSTONE_USERS.hallmark, false);
    await keystone.setUserEnabled(KEYSTONE_USERS.hallmark, true);
    expect(await keystone.ownerOf(ended)).toBeUndefined();
    target.answerNext({ status: 401 }); // as keystonemiddleware in front of the target would

    const second = await keystone.issueToken(KEYSTONE_USERS.nova);
    expect((await ask(second.token)).status).toBe(200);
    expect(shownToken(target)).not.toBe(ended);
    expect(await keystone.ownerOf(shownToken(target))).toMatchObject({ name: 'hallmark' });
  });

  test('logs no token of anybody', async () => {
    const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);
    await ask(token);

    const logs = await house.logs();
    for (const secret of [token, shownToken(target)]) expect(logs).not.toContain(secret);
    expect(logs).not.toMatch(/gAAAA/); // how every Fernet token begins
  });

  test('takes an application credential for its login', async () => {
    const { id, secret } = await keystone.createApplicationCredential(KEYSTONE_USERS.hallmark, randomUUID());
    await using own = await startFakeTarget({ json: {} });
    await using another = await House.start({
      config: `${PATIENCE}${targetSection(own)}
[vendordata_dynamic_auth]
auth_type = v3applicationcredential
auth_url = ${keystone.url}/v3
application_credential_id = ${id}
application_credential_secret = ${secret}
[keystone_authtoken]
auth_section = vendordata_dynamic_auth
`,
    });
    const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);

    expect((await another.post(novaBody(randomUUID()), { token })).status).toBe(200);
    expect(await keystone.ownerOf(shownToken(own))).toMatchObject({ name: 'hallmark' });
  });
});

describeWithDocker('when tokens live for seconds', () => {
  let keystone: KeystoneServer;
  let target: FakeTarget;
  let house: House;
  beforeAll(async () => {
    keystone = await startKeystone({ tokenExpirationSeconds: 10 });
    target = await startFakeTarget({ json: { ok: true } });
    house = await House.start({ config: `${hallmarkLogin(keystone)}${PATIENCE}${targetSection(target)}` });
  });
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
    await keystone[Symbol.asyncDispose]();
  });
  const ask = (token: string, headers: Record<string, string> = {}): Promise<Answer> =>
    house.post(novaBody(randomUUID()), { token, headers });
  const untilExpired = async (token: string): Promise<void> => {
    await waitFor(
      'the token to expire',
      async () => (await keystone.ownerOf(token)) === undefined,
      EXPIRY_LIMIT_MS,
    );
  };

  test('refuses an expired token that it has just accepted', async () => {
    // On a busy machine a token may end on its way.
    const token = await waitFor(
      'a token to be accepted while it lives',
      async () => {
        const issued = await keystone.issueToken(KEYSTONE_USERS.nova);
        return (await ask(issued.token)).status === 200 && issued.token;
      },
      EXPIRY_LIMIT_MS,
    );

    await untilExpired(token);

    const answer = await ask(token);
    expect(answer.status).toBe(401);
    expect(reasonOf(answer)).toBe('TOKEN_INVALID');
  });

  test('lets an expired token pass beside a valid service token', async () => {
    const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);
    await untilExpired(token);

    expect((await ask(token)).status).toBe(401);
    await waitFor(
      'the expired token to be accepted beside a service token that lives',
      async () => {
        const service = await keystone.issueToken(KEYSTONE_USERS.nova);
        return (await ask(token, { 'X-Service-Token': service.token })).status === 200;
      },
      EXPIRY_LIMIT_MS,
    );
  });

  test("keeps its own login fresh: targets are never shown an expired token of Hallmark's", async () => {
    const shown = new Set<string>();
    const endsAtMs = Date.now() + 25_000; // more than two lives of a token
    while (Date.now() < endsAtMs) {
      const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);
      const askedAtMs = Date.now();
      const { status } = await ask(token);
      if (status === 401 && (await keystone.ownerOf(token)) === undefined) continue; // it ended on its way
      expect(status).toBe(200);
      expect((await keystone.expiryOf(shownToken(target))).getTime()).toBeGreaterThan(askedAtMs);
      shown.add(shownToken(target));
    }
    expect(shown.size).toBeGreaterThan(1);
  });
});
