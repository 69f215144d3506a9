import { afterEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { ConfigError, testContext } from '@hallmark/runtime';
import { createTestCertificates, startFakeKeystone, type FakeKeystone } from '@hallmark/testing';
import { startIdentity } from '../src/index.ts';
import {
  configOf,
  loginsOf,
  sectionsFor,
  startHouse,
  startHouseAt,
  validationsOf,
  type House,
  type Sections,
} from './house.ts';

let house: House | undefined;

afterEach(async () => {
  await house?.[Symbol.asyncDispose]();
  house = undefined;
});

/** What was sent to log in as the service account. */
function serviceLogin(keystone: FakeKeystone): unknown {
  const [first] = loginsOf(keystone).filter(({ body }) => !body.includes('"hallmark"'));
  return first && JSON.parse(first.body);
}

describe('plug-ins', () => {
  test('password on a URL without a version asks which there are, once', async () => {
    const keystone = await startFakeKeystone({ tokenLifetimeSeconds: 2 });
    house = await startHouseAt(keystone, {
      config: { vendordata_dynamic_auth: { auth_url: `${keystone.url}/` } },
    });
    const { token } = await house.serviceToken();
    expect((await house.validate(token)).caller?.userName).toBe('nova');
    await house.serviceToken('0'.repeat(64));
    expect(keystone.requests.filter(({ url }) => url === '/')).toHaveLength(1);
  });

  test('v3password appends the version, and never takes the default domain', async () => {
    const keystone = await startFakeKeystone();
    house = await startHouseAt(keystone, {
      config: { vendordata_dynamic_auth: { auth_type: 'v3password', auth_url: keystone.url } },
    });
    expect((await house.serviceToken()).token).toMatch(/^gAAAAA/);
    expect(keystone.requests.filter(({ url }) => url === '/')).toHaveLength(0);
  });

  test('v3applicationcredential sends id and secret, and no scope', async () => {
    const credential = {
      name: 'hallmark',
      secret: 'shh',
      user: 'nova',
      project: 'service',
      roles: ['service'],
    };
    const keystone = await startFakeKeystone({ applicationCredentials: [credential] });
    const id = keystone.applicationCredentialId(credential);
    house = await startHouseAt(keystone, {
      config: {
        vendordata_dynamic_auth: {
          auth_type: 'v3applicationcredential',
          application_credential_id: id,
          application_credential_secret: 'shh',
          project_name: '',
        },
      },
    });
    const { token } = await house.serviceToken();
    expect((await house.validate(token)).caller).toMatchObject({ userName: 'nova', roles: ['service'] });
    expect(serviceLogin(keystone)).toEqual({
      auth: {
        identity: { methods: ['application_credential'], application_credential: { id, secret: 'shh' } },
      },
    });
  });

  const scopes: { scope: Record<string, string>; sent: object }[] = [
    { scope: { domain_name: 'Default' }, sent: { domain: { name: 'Default' } } },
    { scope: { system_scope: 'all' }, sent: { system: { all: true } } },
  ];
  test.each(scopes)('password may be scoped to $sent', async ({ scope, sent }) => {
    const nova = {
      name: 'nova',
      password: 'nova-secret',
      domainRoles: ['service'],
      systemRoles: ['service'],
    };
    const hallmark = { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } };
    house = await startHouse({
      keystone: { users: [nova, hallmark] },
      config: { vendordata_dynamic_auth: { project_name: '', ...scope } },
    });
    const { token } = await house.serviceToken();
    expect((await house.validate(token)).caller).toMatchObject({ projectId: '', roles: ['service'] });
    expect(serviceLogin(house.keystone)).toMatchObject({ auth: { scope: sent } });
  });
});

describe('auth_section', () => {
  test('lets both accounts be one, each section keeping its own time-outs', async () => {
    const keystone = await startFakeKeystone();
    house = await startHouseAt(keystone, {
      config: {
        vendordata_dynamic_auth: { auth_section: 'keystone_authtoken', auth_type: '', username: 'nobody' },
      },
    });
    const { token } = await house.serviceToken();
    expect((await house.validate(token)).caller?.userName).toBe('hallmark');
  });

  test('leads to a section of any name', async () => {
    const keystone = await startFakeKeystone();
    const { vendordata_dynamic_auth: nova = {} } = sectionsFor(keystone);
    house = await startHouseAt(keystone, {
      config: {
        service_user: nova,
        vendordata_dynamic_auth: { auth_section: 'service_user', username: 'nobody' },
      },
    });
    expect((await house.validate((await house.serviceToken()).token)).caller?.userName).toBe('nova');
  });
});

describe('faults of the configuration stop the start', () => {
  async function faultsOf(config: Sections): Promise<readonly string[]> {
    const keystone = await startFakeKeystone();
    try {
      const running = await startIdentity(configOf(sectionsFor(keystone), config), testContext('identity'));
      await running[Symbol.asyncDispose]();
      return [];
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      return thrown.faults.map(({ message }) => message);
    } finally {
      await keystone[Symbol.asyncDispose]();
    }
  }

  const faulty: { config: Sections; fault: RegExp }[] = [
    {
      config: { keystone_authtoken: { auth_type: 'v3totp' } },
      fault:
        /^hallmark\.conf:\d+: \[keystone_authtoken\] auth_type: "v3totp" is no plug-in .* use one of password, v3password, v3applicationcredential$/,
    },
    {
      config: { vendordata_dynamic_auth: { password: '' } },
      fault:
        /^hallmark\.conf:\d+: \[vendordata_dynamic_auth\] password: is required by auth_type = password$/,
    },
    {
      config: { vendordata_dynamic_auth: { system_scope: 'all' } },
      fault:
        /^hallmark\.conf:\d+: \[vendordata_dynamic_auth\] system_scope: contradicts project_name: a token has one scope$/,
    },
    {
      config: { keystone_authtoken: { cafile: '/nowhere/ca.pem' } },
      fault: /^hallmark\.conf:\d+: \[keystone_authtoken\] cafile: cannot be read \(ENOENT\)$/,
    },
    {
      config: {
        vendordata_dynamic_auth: { auth_section: 'nova_user' },
        nova_user: { auth_type: 'password' },
      },
      fault: /^hallmark\.conf:\d+: \[nova_user\] auth_url: is required/,
    },
    {
      config: { vendordata_dynamic_auth: { cafile: '/etc/hostname' } },
      fault:
        /^hallmark\.conf:\d+: \[vendordata_dynamic_auth\] cafile: holds no certificate \(ERR_OSSL_PEM_NO_START_LINE\)$/,
    },
    {
      config: { vendordata_dynamic_auth: { certfile: '/etc/hostname' } },
      fault:
        /^hallmark\.conf:\d+: \[vendordata_dynamic_auth\] certfile: holds no certificate, or not the one of the key/,
    },
  ];
  test.each(faulty)('$fault', async ({ config, fault }) => {
    const faults = await faultsOf(config);
    expect(faults[0]).toMatch(fault);
  });

  test('all at once, those of both accounts', async () => {
    const faults = await faultsOf({
      keystone_authtoken: { username: '', password: '' },
      vendordata_dynamic_auth: { auth_url: 'keystone' },
    });
    expect(faults).toHaveLength(3);
  });

  test('without [keystone_authtoken] too', async () => {
    expect(await faultsOf({ keystone_authtoken: { auth_type: '' } })).toHaveLength(1);
  });
});

describe('TLS', () => {
  test('trusts only cafile, shows certfile and keyfile, and can be told not to verify', async () => {
    await using certificates = await createTestCertificates();
    const server = await certificates.issue({ name: 'keystone', usage: 'server' });
    const client = await certificates.issue({ name: 'hallmark', usage: 'client' });
    const keystone = await startFakeKeystone({
      tls: {
        cert: await readFile(server.certFile),
        key: await readFile(server.keyFile),
        ca: await readFile(server.caFile),
        requestCert: true,
        rejectUnauthorized: true,
      },
    });
    const withClient = { certfile: client.certFile, keyfile: client.keyFile };
    house = await startHouseAt(keystone, {
      config: {
        keystone_authtoken: { cafile: server.caFile, ...withClient },
        vendordata_dynamic_auth: { insecure: true, ...withClient },
      },
    });
    const { token } = await house.serviceToken();
    expect((await house.validate(token)).caller?.userName).toBe('nova');
    expect(validationsOf(keystone)).toHaveLength(1);
  });

  test('without cafile a private authority is not trusted, which is an outage', async () => {
    await using certificates = await createTestCertificates();
    const server = await certificates.issue({ name: 'keystone', usage: 'server' });
    const keystone = await startFakeKeystone({
      tls: { cert: await readFile(server.certFile), key: await readFile(server.keyFile) },
    });
    house = await startHouseAt(keystone);
    await expect(house.validate('gAAAAAx')).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'KEYSTONE_UNAVAILABLE',
    });
    expect(house.log.join('')).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/);
  });
});
