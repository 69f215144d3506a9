import { configCatalogue } from '@hallmark/runtime';
import { renderReferencePage } from './reference-page.ts';
import { renderSample, type Sample } from './sample-file.ts';

/** A generated file, its path relative to the root of the repository. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

const IN_NOVA_CONF =
  'What Nova has in its nova.conf already, [api] and [vendordata_dynamic_auth], can stay there: name both files, --config-file /etc/nova/nova.conf --config-file /etc/hallmark/';

export const SAMPLES: readonly Sample[] = [
  {
    file: 'hallmark.conf',
    introduction: [
      'Hallmark with all its processes on one machine: give this file to each of them.',
      `${IN_NOVA_CONF}hallmark.conf.`,
    ],
    sections: configCatalogue().map(({ name }) => name),
  },
  {
    file: 'gateway.conf',
    introduction: [
      'The gateway on a machine of its own. It holds no credentials. [rpc] says where the other processes are, and with which certificate to call them.',
    ],
    sections: [
      'DEFAULT',
      'log',
      'gateway',
      'gateway_nova',
      'boot_api',
      'gateway_guest',
      'gateway_image',
      'neutron',
      'vendordata_endpoint',
      'rpc',
      { name: 'keystone_authtoken', options: ['www_authenticate_uri'] },
      { name: 'api', options: ['vendordata_dynamic_read_timeout'] },
      { name: 'vendordata', options: ['resolve_timeout'] },
    ],
  },
  {
    file: 'identity.conf',
    introduction: [
      'The identity process on a machine of its own. Only this file holds credentials.',
      `${IN_NOVA_CONF}identity.conf.`,
    ],
    sections: [
      'DEFAULT',
      'log',
      'identity',
      { name: 'rpc', options: ['cert_file', 'key_file', 'ca_file'] },
      'keystone_authtoken',
      'vendordata_dynamic_auth',
    ],
  },
  {
    file: 'instances.conf',
    introduction: [
      'The instances process on a machine of its own. It keeps its records in PostgreSQL; [rpc] says where identity and vendordata are, and with which certificate to call them.',
      `${IN_NOVA_CONF}instances.conf.`,
    ],
    sections: [
      {
        name: 'DEFAULT',
        options: ['debug', 'graceful_shutdown_timeout', 'config_drive_format', 'force_config_drive'],
      },
      'log',
      'instances',
      'config_drive',
      'postgres',
      {
        name: 'rpc',
        options: [
          'identity_endpoints',
          'vendordata_endpoints',
          'cert_file',
          'key_file',
          'ca_file',
          'connections',
        ],
      },
      {
        name: 'api',
        options: ['dhcp_domain', 'config_drive_skip_versions', 'vendordata_dynamic_read_timeout'],
      },
      { name: 'vendordata', options: ['resolve_timeout'] },
    ],
  },
  {
    file: 'images.conf',
    introduction: [
      'The images process on a machine of its own. It keeps its records in PostgreSQL, and the data where Glance would.',
      'What Glance has in its files already can stay there: name them all, --config-file /etc/glance/glance-api.conf --config-file /etc/glance/glance-image-import.conf --config-file /etc/hallmark/images.conf.',
    ],
    sections: [
      {
        name: 'DEFAULT',
        options: [
          'debug',
          'graceful_shutdown_timeout',
          'enabled_backends',
          'enabled_import_methods',
          'node_staging_uri',
          'image_property_quota',
          'image_tag_quota',
          'image_member_quota',
          'image_location_quota',
          'image_size_cap',
          'user_storage_quota',
          'use_keystone_limits',
          'limit_param_default',
          'api_limit_max',
          'show_image_direct_url',
          'hashing_algorithm',
          'property_protection_file',
          'property_protection_rule_format',
          'public_endpoint',
        ],
      },
      'log',
      'images',
      'glance_store',
      'STORE',
      'image_import_opts',
      'import_filtering_opts',
      'inject_metadata_properties',
      'task',
      'oslo_policy',
      'postgres',
      { name: 'rpc', options: ['cert_file', 'key_file', 'ca_file'] },
    ],
  },
  {
    file: 'vendordata.conf',
    introduction: [
      'The vendordata process on a machine of its own. It gets its service token from the identity process, which [rpc] names.',
      `${IN_NOVA_CONF}vendordata.conf.`,
    ],
    sections: [
      'DEFAULT',
      'log',
      'vendordata',
      { name: 'rpc', options: ['identity_endpoints', 'cert_file', 'key_file', 'ca_file', 'connections'] },
      'api',
      'vendordata_target:NAME',
      'vendordata_cache',
      { name: 'vendordata_dynamic_auth', options: ['certfile', 'keyfile'] },
    ],
  },
];

/** Everything that is made from the option schema. */
export function renderDocuments(): Document[] {
  const catalogue = configCatalogue();
  return [
    { path: 'docs/configuration.md', text: renderReferencePage(catalogue) },
    ...SAMPLES.map((sample) => ({
      path: `etc/hallmark/${sample.file}`,
      text: renderSample(sample, catalogue),
    })),
  ];
}
