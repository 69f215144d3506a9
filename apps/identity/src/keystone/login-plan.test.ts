import { describe, expect, test } from '@jest/globals';
import { planLogin, type LoginOptions } from './login-plan.ts';

const BASE: LoginOptions = {
  auth_type: 'password',
  auth_url: 'http://ks/v3',
  username: 'nova',
  password: 's3rvice',
  user_domain_name: 'Default',
};

function requestOf(options: LoginOptions): unknown {
  const planned = planLogin(options);
  return planned.kind === 'plan' ? planned.plan.request : planned;
}

function faultsOf(options: LoginOptions): string[] {
  const planned = planLogin(options);
  return planned.kind === 'faults' ? planned.faults.map(({ option, message }) => `${option} ${message}`) : [];
}

describe('the user', () => {
  test.each([
    { it: 'name and domain name', options: {}, user: { name: 'nova', domain: { name: 'Default' } } },
    {
      it: 'name and domain id',
      options: { user_domain_id: 'default' },
      user: { name: 'nova', domain: { id: 'default' } },
    },
    { it: 'id, which counts before the name', options: { user_id: 'u1' }, user: { id: 'u1' } },
    {
      it: 'the default domain, where no other is said',
      options: { user_domain_name: '', default_domain_id: 'd1' },
      user: { name: 'nova', domain: { id: 'd1' } },
    },
  ])('$it', ({ options, user }) => {
    expect(requestOf({ ...BASE, ...options })).toEqual({
      auth: { identity: { methods: ['password'], password: { user: { ...user, password: 's3rvice' } } } },
    });
  });
});

describe('the scope', () => {
  test.each([
    { options: { project_id: 'p1' }, scope: { project: { id: 'p1' } } },
    { options: { project_id: 'p1', project_name: 'service' }, scope: { project: { id: 'p1' } } },
    {
      options: { project_name: 'service', project_domain_id: 'default' },
      scope: { project: { name: 'service', domain: { id: 'default' } } },
    },
    {
      options: { project_name: 'service', project_domain_name: 'Default' },
      scope: { project: { name: 'service', domain: { name: 'Default' } } },
    },
    {
      options: { project_name: 'service', default_domain_name: 'Default' },
      scope: { project: { name: 'service', domain: { name: 'Default' } } },
    },
    { options: { domain_id: 'd1' }, scope: { domain: { id: 'd1' } } },
    { options: { domain_name: 'Default' }, scope: { domain: { name: 'Default' } } },
    { options: { system_scope: 'all' }, scope: { system: { all: true } } },
    { options: { trust_id: 't1' }, scope: { 'OS-TRUST:trust': { id: 't1' } } },
    { options: {}, scope: undefined },
  ])('$options', ({ options, scope }) => {
    expect(requestOf({ ...BASE, ...options })).toEqual({
      auth: { identity: expect.anything(), ...(scope && { scope }) },
    });
  });
});

describe('an application credential', () => {
  const credential = { ...BASE, auth_type: 'v3applicationcredential', application_credential_secret: 'x' };
  test('by id needs nothing else and carries no scope', () => {
    expect(requestOf({ ...credential, username: '', application_credential_id: 'a1' })).toEqual({
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: { id: 'a1', secret: 'x' },
        },
      },
    });
  });

  test('by name carries its owner', () => {
    expect(requestOf({ ...credential, application_credential_name: 'app' })).toEqual({
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: {
            name: 'app',
            user: { name: 'nova', domain: { name: 'Default' } },
            secret: 'x',
          },
        },
      },
    });
  });
});

describe('the URL', () => {
  test.each([
    { auth_type: 'password', auth_url: 'http://ks', kind: 'discover' },
    { auth_type: 'v3password', auth_url: 'http://ks', kind: 'tokens' },
  ])('$auth_type on a URL without a version: $kind', ({ auth_type, auth_url, kind }) => {
    expect(planLogin({ ...BASE, auth_type, auth_url })).toMatchObject({ plan: { url: { kind } } });
  });
});

describe('faults', () => {
  const credential = { ...BASE, auth_type: 'v3applicationcredential' };
  test.each([
    {
      options: { ...BASE, auth_type: '' },
      fault: /^auth_type is required; it is one of password, v3password/,
    },
    {
      options: { ...BASE, auth_type: 'v3kerberos' },
      fault: /^auth_type "v3kerberos" is no plug-in .* use one of password/,
    },
    { options: { ...BASE, auth_url: undefined }, fault: /^auth_url is required/ },
    { options: { ...BASE, auth_url: 'keystone' }, fault: /^auth_url is no http or https URL/ },
    {
      options: { ...BASE, username: '' },
      fault: /^username is required by auth_type = password, unless user_id/,
    },
    { options: { ...BASE, password: '' }, fault: /^password is required/ },
    { options: { ...BASE, user_domain_name: '' }, fault: /^user_domain_name is required beside username/ },
    {
      options: { ...BASE, auth_type: 'v3password', user_domain_name: '', default_domain_id: 'default' },
      fault: /^user_domain_name is required beside username/,
    },
    {
      options: { ...BASE, project_name: 'service' },
      fault: /^project_domain_name is required beside project_name/,
    },
    { options: { ...BASE, project_id: 'p1', domain_id: 'd1' }, fault: /^domain_id contradicts project_id/ },
    {
      options: { ...BASE, domain_name: 'D', system_scope: 'all' },
      fault: /^system_scope contradicts domain_name/,
    },
    { options: { ...BASE, project_id: 'p1', trust_id: 't1' }, fault: /^trust_id contradicts project_id/ },
    { options: { ...BASE, system_scope: 'project' }, fault: /^system_scope can only be "all"/ },
    {
      options: { ...credential, application_credential_id: 'a1' },
      fault: /^application_credential_secret is required/,
    },
    {
      options: { ...credential, application_credential_secret: 'x' },
      fault: /^application_credential_id is required .* unless application_credential_name/,
    },
    {
      options: {
        ...credential,
        application_credential_secret: 'x',
        application_credential_name: 'app',
        username: '',
      },
      fault: /^username is required with application_credential_name/,
    },
    {
      options: {
        ...credential,
        application_credential_secret: 'x',
        application_credential_id: 'a1',
        project_id: 'p1',
      },
      fault: /^project_id has no place beside an application credential/,
    },
  ])('$fault', ({ options, fault }) => {
    expect(faultsOf(options)).toEqual([expect.stringMatching(fault)]);
  });

  test('are all told at once', () => {
    expect(faultsOf({ auth_type: 'password', project_name: 'service' })).toHaveLength(4);
  });
});
