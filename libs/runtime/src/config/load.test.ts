import { describe, expect, test } from '@jest/globals';
import { defaultTargetOptions } from './default-target.ts';
import { ConfigError } from './faults.ts';
import { buildConfig, parseConfig, type Config } from './load.ts';

function faultsOf(ini: string, env?: Record<string, string>): string[] {
  try {
    parseConfig(ini, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
    throw error;
  }
}

/** Several files, the first of them `1.conf`. */
function fromFiles(texts: string[], environment: Record<string, string> = {}): Config {
  return buildConfig({
    files: texts.map((text, index) => ({ path: `${index + 1}.conf`, text })),
    faults: [],
    environment,
  });
}

describe('nova.conf as it is', () => {
  const config = parseConfig(`[DEFAULT]
my_ip = 10.0.0.4
force_config_drive = yes

[api]
vendordata_providers = StaticJSON,
    DynamicJSON
vendordata_dynamic_targets = join@https://join.example.test:9090/v1/, cmdb@http://$my_ip:8000/
vendordata_dynamic_read_timeout = 30
vendordata_dynamic_failure_fatal = True

[vendordata_dynamic_auth]
auth_type = password
auth_url = https://keystone.example.test/v3
username = nova
user_domain_name = Default
password = pa$$word
project_name = service
project_domain_name = Default

[vnc]
enabled = $nobody.knows
`);

  test('gives the targets and their options', () => {
    expect(config.api).toMatchObject({
      vendordata_dynamic_targets: ['join@https://join.example.test:9090/v1/', 'cmdb@http://10.0.0.4:8000/'],
      vendordata_dynamic_ssl_certfile: '',
      vendordata_dynamic_connect_timeout: 5,
      vendordata_dynamic_read_timeout: 30,
      vendordata_dynamic_failure_fatal: true,
    });
  });

  test('gives the login', () => {
    expect(config.auth('vendordata_dynamic_auth')).toMatchObject({
      auth_type: 'password',
      username: 'nova',
      password: 'pa$word',
      insecure: false,
      section: 'vendordata_dynamic_auth',
    });
  });

  test('tells where each option was written', () => {
    expect(config.where('api', 'vendordata_dynamic_targets')).toBe('hallmark.conf:8');
    expect(config.where('api', 'vendordata_dynamic_connect_timeout')).toBe('default');
  });

  test('leaves everything else at its default', () => {
    expect(config.keystone_authtoken).toEqual({
      insecure: false,
      token_cache_time: 300,
      service_token_roles: ['service'],
      service_token_roles_required: true,
      http_request_max_retries: 3,
    });
    expect(config.gateway_nova).toEqual({ listen: ['0.0.0.0:8780'], max_body_bytes: 1_048_576 });
  });
});

describe('of several sources', () => {
  const prefix = (config: Config): string =>
    `${config.vendordata_cache.key_prefix} ${config.where('vendordata_cache', 'key_prefix')}`;
  const file = (value: string): string => `[vendordata_cache]\nkey_prefix = ${value}`;

  test('a later file wins', () => {
    expect(prefix(fromFiles([file('a'), file('b')]))).toBe('b 2.conf:2');
  });

  test('an earlier file counts where the later says nothing', () => {
    expect(prefix(fromFiles([file('a'), '[vendordata_cache]\nmax_bytes = 1']))).toBe('a 1.conf:2');
  });

  test('the environment wins over files', () => {
    expect(prefix(fromFiles([file('a')], { OS_VENDORDATA_CACHE__KEY_PREFIX: 'c' }))).toBe(
      'c environment OS_VENDORDATA_CACHE__KEY_PREFIX',
    );
  });

  test('the environment names DEFAULT too', () => {
    expect(fromFiles([], { OS_DEFAULT__DEBUG: 'yes' }).DEFAULT.debug).toBe(true);
  });

  test('the last of two lines wins', () => {
    expect(prefix(fromFiles([`${file('a')}\nkey_prefix = b`]))).toBe('b 1.conf:3');
  });

  test('an empty number takes an earlier value back to the default', () => {
    expect(fromFiles(['[gateway]\nworkers = 4', '[gateway]\nworkers =']).gateway.workers).toBe(1);
  });

  test('an empty option without a default is not set', () => {
    const config = fromFiles([
      '[vendordata_target:a]\nfailure = stale\ncafile = /x',
      '[vendordata_target:a]\nfailure =\ncafile =',
    ]);
    expect(config.vendordata_target.get('a')).toEqual(defaultTargetOptions);
  });

  test('[default] is not [DEFAULT], and a warning says so', () => {
    const config = fromFiles(['[default]\ndebug = true']);
    expect(config.DEFAULT.debug).toBe(false);
    expect(config.warnings).toEqual(['1.conf:1: [default] is not [DEFAULT]; nobody reads what it holds']);
  });

  test('variables of the OpenStack client mean nothing', () => {
    expect(fromFiles([], { OS_AUTH_URL: 'http://k/v3', OS_PASSWORD: 'x' }).warnings).toEqual([]);
  });
});

describe('an old name', () => {
  const cases = [
    {
      it: 'in DEFAULT is read for [api]',
      ini: '[DEFAULT]\nvendordata_dynamic_targets = a@http://a/',
      read: (config: Config) => config.api.vendordata_dynamic_targets,
      value: ['a@http://a/'],
      warning:
        'hallmark.conf:2: [DEFAULT] vendordata_dynamic_targets is an old name; write [api] vendordata_dynamic_targets',
    },
    {
      it: 'of the plug-in is read',
      ini: '[vendordata_dynamic_auth]\nauth_plugin = password',
      read: (config: Config) => config.auth('vendordata_dynamic_auth').auth_type,
      value: 'password',
      warning:
        'hallmark.conf:2: [vendordata_dynamic_auth] auth_plugin is an old name; write [vendordata_dynamic_auth] auth_type',
    },
    {
      it: 'of the project is read',
      ini: '[keystone_authtoken]\ntenant_name = service',
      read: (config: Config) => config.keystone_authtoken.project_name,
      value: 'service',
      warning:
        'hallmark.conf:2: [keystone_authtoken] tenant_name is an old name; write [keystone_authtoken] project_name',
    },
  ];
  test.each(cases)('$it, with a warning', ({ ini, read, value, warning }) => {
    const config = parseConfig(ini);
    expect(read(config)).toEqual(value);
    expect(config.warnings).toEqual([warning]);
  });

  test('loses to the name of today in the same file', () => {
    const config = parseConfig('[keystone_authtoken]\nusername = now\nuser_name = then');
    expect(config.keystone_authtoken.username).toBe('now');
    expect(config.warnings).toEqual([]);
  });

  test('in a later file wins over the name of today in an earlier', () => {
    const config = fromFiles([
      '[keystone_authtoken]\nusername = now',
      '[keystone_authtoken]\nuser_name = then',
    ]);
    expect(config.keystone_authtoken.username).toBe('then');
  });

  test('has no home in DEFAULT for what was born in [api]', () => {
    const config = parseConfig('[DEFAULT]\nvendordata_dynamic_failure_fatal = true');
    expect(config.api.vendordata_dynamic_failure_fatal).toBe(false);
  });
});

describe('auth_section', () => {
  const ini = `[vendordata_dynamic_auth]
auth_section = Shared
auth_type = v3password
username = not-read
cafile = /mine.pem
timeout = 3
[shared]
auth_type = password
username = shared
cafile = /theirs.pem
timeout = 9
`;

  test('gives the login of the other section and the connection of its own', () => {
    expect(parseConfig(ini).auth('vendordata_dynamic_auth')).toEqual({
      section: 'shared',
      auth_type: 'password',
      username: 'shared',
      cafile: '/mine.pem',
      certfile: undefined,
      keyfile: undefined,
      insecure: false,
      timeout: 3,
    });
  });

  test('may name the section of the middleware', () => {
    const config = parseConfig(
      '[vendordata_dynamic_auth]\nauth_section = keystone_authtoken\n[keystone_authtoken]\nuser_id = u',
    );
    expect(config.auth('vendordata_dynamic_auth')).toMatchObject({
      section: 'keystone_authtoken',
      user_id: 'u',
    });
  });

  test('is followed one step only', () => {
    const config = parseConfig(
      '[vendordata_dynamic_auth]\nauth_section = a\n[a]\nauth_section = b\nuser_id = a\n[b]\nuser_id = b',
    );
    expect(config.auth('vendordata_dynamic_auth').user_id).toBe('a');
  });

  test('tells where the followed options were written', () => {
    expect(parseConfig(ini).where('Shared', 'username')).toBe('hallmark.conf:9');
  });

  test('that names nothing is a fault', () => {
    expect(faultsOf('[keystone_authtoken]\nauth_section = nowhere')).toEqual([
      'hallmark.conf:2: [keystone_authtoken] auth_section: names the section [nowhere], which does not exist',
    ]);
  });
});

describe('[vendordata_target:NAME]', () => {
  test('keeps the order of the files and the case of the names', () => {
    const config = fromFiles([
      '[vendordata_target:Zeta]\nfailure = stale\n[Vendordata_Target:alpha]\nmax_stale = 60',
      '[vendordata_target:alpha]\nfailure = omit\n[vendordata_target:zeta]\nfailure = fatal',
    ]);
    expect([...config.vendordata_target].map(([name, { failure }]) => [name, failure])).toEqual([
      ['Zeta', 'stale'],
      ['alpha', 'omit'],
      ['zeta', 'fatal'],
    ]);
    expect(config.vendordata_target.get('alpha')?.max_stale).toBe(60);
    expect(config.where('vendordata_target:alpha', 'failure')).toBe('2.conf:2');
  });

  test('gives what is not said as unset or default', () => {
    expect(parseConfig('[vendordata_target:a]').vendordata_target.get('a')).toEqual({
      max_response_bytes: 1_048_576,
      max_stale: 86_400,
      projects: [],
      exclude_projects: [],
      max_concurrency: 64,
      breaker_failures: 5,
      breaker_reset: 10,
    });
  });

  const variable = 'OS_VENDORDATA_TARGET:CMDB__FAILURE';
  const names = [
    { it: 'a section', ini: '[vendordata_target:Cmdb]', name: 'Cmdb' },
    { it: 'a target in the list', ini: '[api]\nvendordata_dynamic_targets = cMDB@http://h/', name: 'cMDB' },
    { it: 'nothing else, so it is in small letters', ini: '', name: 'cmdb' },
  ];
  test.each(names)('in the environment speaks to $it', ({ ini, name }) => {
    expect(parseConfig(ini, { [variable]: 'stale' }).vendordata_target.get(name)?.failure).toBe('stale');
  });
});

describe('faults', () => {
  test('are all told at once, in the order of the file', () => {
    expect(
      faultsOf(
        `[gatewayy]
workers = 2
[rpc]
connections = two
conections = 2
cert_file = /c.pem
[vendordata]
listen = 8782
cache_max_bytes = 1
gibberish = 1
oops
[vendordata_target:cmdb]
failure = maybe
max_stale = -1
[vendordata_target]
`,
        { OS_GATEWAY__WORKERSS: '2', OS_GATEWAY__WORKERS: 'x' },
      ),
    ).toEqual([
      'hallmark.conf:1: [gatewayy]: unknown section, did you mean [gateway]?',
      'hallmark.conf:4: [rpc] connections: "two" is not an integer',
      'hallmark.conf:5: [rpc] conections: unknown option, did you mean connections?',
      'hallmark.conf:6: [rpc] cert_file: cert_file, key_file, ca_file must be set all together or not at all',
      'hallmark.conf:8: [vendordata] listen: "8782" is not an address with a port, such as 127.0.0.1:8780, [::1]:8780 or :8780',
      'hallmark.conf:9: [vendordata] cache_max_bytes: unknown option, it belongs in [gateway]',
      'hallmark.conf:10: [vendordata] gibberish: unknown option; take it out',
      'hallmark.conf:11: has neither = nor : between an option and its value',
      'hallmark.conf:13: [vendordata_target:cmdb] failure: "maybe" is not one of fatal, omit, stale',
      'hallmark.conf:14: [vendordata_target:cmdb] max_stale: -1 is below the least value, 0',
      'hallmark.conf:15: [vendordata_target] needs the name of a target, [vendordata_target:NAME]',
      'environment OS_GATEWAY__WORKERS: [gateway] workers: "x" is not an integer',
      'environment OS_GATEWAY__WORKERSS: [gateway] workerss: unknown option, did you mean workers?',
    ]);
  });

  test('carry their place beside the sentence', () => {
    const attempt = (): Config => parseConfig('[gateway]\nworkers = 0');
    expect(attempt).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        message: 'hallmark.conf:2: [gateway] workers: 0 is below the least value, 1',
        faults: [
          {
            where: 'hallmark.conf:2',
            message: 'hallmark.conf:2: [gateway] workers: 0 is below the least value, 1',
          },
        ],
      }),
    );
  });

  const sections: { written: string; fault: string | undefined }[] = [
    { written: 'vendordata_target:', fault: 'needs the name of a target, [vendordata_target:NAME]' },
    { written: 'vendordata_targets:cmdb', fault: 'unknown section, did you mean [vendordata_target:cmdb]?' },
    { written: 'vendordata-target:Cmdb', fault: 'unknown section, did you mean [vendordata_target:Cmdb]?' },
    { written: ' gateway ', fault: 'unknown section, did you mean [gateway]?' },
    { written: 'logs', fault: 'unknown section, did you mean [log]?' },
    { written: 'vendor_data', fault: 'unknown section, did you mean [vendordata]?' },
    { written: 'vnc', fault: undefined },
    { written: 'pci', fault: undefined },
    { written: 'placement', fault: undefined },
    { written: 'glance', fault: undefined },
    { written: 'database', fault: undefined },
    { written: 'cache', fault: undefined },
    { written: 'GATEWAY', fault: undefined },
  ];
  test.each(sections)('[$written]: $fault', ({ written, fault }) => {
    const place = fault?.startsWith('unknown') ? `[${written}]:` : `[${written}]`;
    expect(faultsOf(`[${written}]`)).toEqual(fault ? [`hallmark.conf:1: ${place} ${fault}`] : []);
  });

  const rules = [
    { ini: 'redis_url = redis://:hunter2@h', fault: 'redis_url: needs key_file beside it' },
    {
      ini: 'redis_sentinels = h:1\nkey_file = /k',
      fault: 'redis_sentinels: needs redis_sentinel_name beside it',
    },
    {
      ini: 'key_file = /k\nredis_url = redis://h\nredis_cluster_nodes = h:1',
      line: 3,
      fault: 'redis_url: only one of redis_url, redis_sentinels, redis_cluster_nodes may be set',
    },
  ];
  test.each(rules)('$fault', ({ ini, line = 2, fault }) => {
    expect(faultsOf(`[vendordata_cache]\n${ini}`)).toEqual([
      `hallmark.conf:${line}: [vendordata_cache] ${fault}`,
    ]);
  });

  const others = [
    '[api]\nworkerss = 1',
    '[keystone_authtoken]\nregion_name = x',
    '[DEFAULT]\ndebugg = 1',
    '[neutron]\nx = 1',
  ];
  test.each(others)('do not concern what belongs to others: %j', (ini) => {
    expect(faultsOf(ini)).toEqual([]);
  });

  test('never show a value that a reference brought in', () => {
    expect(
      faultsOf('[log]\nlevel = $keystone_authtoken.password\n[keystone_authtoken]\npassword = hunter2'),
    ).toEqual([
      'hallmark.conf:2: [log] level: does not give a valid value (one of trace, debug, info, warn, error)',
    ]);
  });

  test('never show what hides behind a second reference', () => {
    expect(
      faultsOf(
        '[log]\nlevel = $keystone_authtoken.password\n[keystone_authtoken]\npassword = a$hunter2',
      ).join(),
    ).not.toContain('hunter2');
  });
});

test('an app words faults of its own like the others', () => {
  const config = parseConfig('[api]\nvendordata_dynamic_targets = x');
  expect(config.fault('api', 'vendordata_dynamic_targets', 'has no URL')).toEqual({
    where: 'hallmark.conf:2',
    message: 'hallmark.conf:2: [api] vendordata_dynamic_targets: has no URL',
  });
});

describe('Image stores', () => {
  test('each section is read under the name that enabled_backends gives it', () => {
    const config = parseConfig(`
[DEFAULT]
enabled_backends = fast:file, Archive:s3
[fast]
filesystem_store_datadir = /srv/fast
[archive]
s3_store_bucket = images
[os_glance_staging_store]
filesystem_store_datadir = /srv/staging
`);
    expect([...config.image_store.keys()]).toEqual(['fast', 'Archive', 'os_glance_staging_store']);
    expect(config.image_store.get('fast')?.filesystem_store_datadir).toBe('/srv/fast');
    expect(config.image_store.get('Archive')?.s3_store_bucket).toBe('images');
    expect(config.image_store.get('os_glance_staging_store')?.filesystem_store_datadir).toBe('/srv/staging');
  });

  test('a fault in one has its place', () => {
    expect(() =>
      parseConfig('[DEFAULT]\nenabled_backends = fast:s3\n[fast]\ns3_store_thread_pools = many\n'),
    ).toThrow('hallmark.conf:4: [fast] s3_store_thread_pools: "many" is not an integer');
  });
});
