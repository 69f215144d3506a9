import { z } from 'zod';
import { bool, float, int, list, str } from '../config/oslo-types.ts';

/** Keystoneauth's and keystonemiddleware's own options, with their names, types and defaults. */

/** Read from the section that `auth_section` names, if it names one. */
const pluginOptions = {
  auth_type: str()
    .optional()
    .meta({ formerly: [{ name: 'auth_plugin' }] })
    .describe(
      'How to log in to Keystone: `password`, `v3password` or `v3applicationcredential`. Not set: no login.',
    ),
  auth_url: str().optional().describe('Where Keystone is, such as https://keystone.example.test/v3.'),
  username: str()
    .optional()
    .meta({ formerly: [{ name: 'user_name' }, { name: 'user-name' }] })
    .describe('Name of the service account. It needs its domain beside it.'),
  user_id: str().optional().describe('Id of the service account, instead of its name and domain.'),
  password: str()
    .optional()
    .meta({ secret: true })
    .describe('Password of the service account. A `$` in it must be doubled.'),
  user_domain_id: str().optional().describe('Id of the domain of the service account.'),
  user_domain_name: str().optional().describe('Name of the domain of the service account.'),
  project_id: str()
    .optional()
    .meta({ formerly: [{ name: 'tenant_id' }, { name: 'tenant-id' }] })
    .describe('Id of the project to which the token is scoped.'),
  project_name: str()
    .optional()
    .meta({ formerly: [{ name: 'tenant_name' }, { name: 'tenant-name' }] })
    .describe('Name of the project to which the token is scoped. It needs its domain beside it.'),
  project_domain_id: str().optional().describe('Id of the domain of that project.'),
  project_domain_name: str().optional().describe('Name of the domain of that project.'),
  domain_id: str()
    .optional()
    .describe('Id of the domain to which the token is scoped, instead of a project.'),
  domain_name: str()
    .optional()
    .describe('Name of the domain to which the token is scoped, instead of a project.'),
  system_scope: str()
    .optional()
    .describe('`all` scopes the token to the whole system, instead of a project.'),
  trust_id: str().optional().describe('Id of the trust to which the token is scoped, instead of a project.'),
  default_domain_id: str()
    .optional()
    .describe('Id of the domain of account and project where neither says its own.'),
  default_domain_name: str()
    .optional()
    .describe('Name of the domain of account and project where neither says its own.'),
  application_credential_id: str().optional().describe('Id of the application credential.'),
  application_credential_name: str()
    .optional()
    .describe('Name of the application credential. It needs the account that owns it beside it.'),
  application_credential_secret: str()
    .optional()
    .meta({ secret: true })
    .describe('Secret of the application credential. A `$` in it must be doubled.'),
};

/** Always read from the section itself, whatever `auth_section` names, as keystoneauth does. */
const sessionOptions = {
  cafile: str()
    .optional()
    .describe(
      'File with the certificate authorities against which Keystone is verified. Not set: those of the system.',
    ),
  certfile: str().optional().describe('File with the client certificate that is shown to Keystone.'),
  keyfile: str().optional().describe('File with the key of that certificate.'),
  insecure: bool().default(false).describe("Whether Keystone's certificate is left unverified."),
  timeout: float({ min: 0 })
    .optional()
    .describe('Seconds that one call to Keystone may take. Not set: `[identity] keystone_timeout`.'),
};

const auth_section = str()
  .optional()
  .describe(
    'The section to read how to log in from, instead of this one; `cafile`, `certfile`, `keyfile`, `insecure` and `timeout` stay here.',
  );

export const authPlugin = z.object(pluginOptions);
export const authSession = z.object(sessionOptions);

export const vendordata_dynamic_auth = z
  .object({
    auth_section,
    ...pluginOptions,
    ...sessionOptions,
    certfile: str()
      .optional()
      .describe(
        'File with the client certificate that is shown to Keystone, and to targets with TLS that have none of their own.',
      ),
  })
  .describe(
    "Nova's section: the service account whose token goes to the targets, as proof that the cloud is asking.",
  );

export const keystone_authtoken = z
  .object({
    auth_section,
    ...pluginOptions,
    ...sessionOptions,
    www_authenticate_uri: str()
      .optional()
      .meta({ formerly: [{ name: 'auth_uri' }] })
      .describe('The Keystone that a caller without a token is told to log in to. Not set: `auth_url`.'),
    token_cache_time: int({ min: -1 })
      .default(300)
      .describe(
        'Seconds for which a validated token is believed without asking again, never beyond its expiry. -1 asks each time.',
      ),
    service_token_roles: list()
      .default(['service'])
      .describe('Roles of which a service token must carry one.'),
    service_token_roles_required: bool()
      .default(true)
      .describe('Whether a service token without such a role is refused.'),
    http_connect_timeout: int({ min: 0 })
      .optional()
      .describe('Seconds to wait for a connection to Keystone.'),
    http_request_max_retries: int({ min: 0 })
      .default(3)
      .describe('How often a call that could not reach Keystone is repeated.'),
  })
  .describe("Keystonemiddleware's section: the service account that validates the tokens of callers.");
