import { ConfigError, type Config, type ConfigFault } from '@hallmark/runtime';
import type { InspectionTerms } from '../domain/disk-formats/inspection.ts';
import { readImportPlugins } from '../domain/import-plugins.ts';
import { readInjectSettings } from '../domain/inject-settings.ts';
import type { InjectionPolicy } from '../domain/injection.ts';
import type { PageSizes } from '../domain/list-query.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { parseProtections, type ProtectionRule } from '../domain/protections-file.ts';
import { Protections } from '../domain/protections.ts';
import type { Quotas } from '../domain/quota.ts';
import { imageSchemaOf, type ImageSchema } from '../domain/schema.ts';
import type { UriFilter } from '../domain/uri-filter.ts';
import { readDownload, type DownloadSettings } from './download-settings.ts';
import { faultAt, pathOf, readText } from './files.ts';
import { readPolicy } from './policy-settings.ts';
import { readStores, type StoresSettings } from './store-settings.ts';

export const IMPORT_METHODS = ['glance-direct', 'web-download', 'copy-image'] as const;
export type ImportMethod = (typeof IMPORT_METHODS)[number];

/** Everything that an operator decides about images, understood. A reload makes another one. */
export interface ImagesSettings {
  readonly policy: Policy;
  readonly enforceScope: boolean;
  readonly protections: Protections;
  readonly injection: InjectionPolicy;
  readonly quotas: Quotas;
  /** What an image is, with the formats that the operator knows. */
  readonly schema: ImageSchema;
  readonly inspection: InspectionTerms;
  readonly pageSizes: PageSizes;
  readonly stores: StoresSettings;
  readonly importMethods: readonly ImportMethod[];
  readonly uriFilter: UriFilter;
  readonly download: DownloadSettings;
  readonly showDirectUrl: boolean;
  readonly taskTtlHours: number;
  readonly hashAlgorithm: 'sha512' | 'sha384' | 'sha256';
  /** What works but is hardly meant. */
  readonly warnings: readonly string[];
}

/** Reads options and the files that they name. Throws a ConfigError with all faults. */
export function readImagesSettings(config: Config): ImagesSettings {
  const faults: ConfigFault[] = [];
  const warnings: string[] = [];
  const policy = readPolicy(config, faults);
  const schema = imageSchemaOf({
    diskFormats: config.image_format.disk_formats,
    containerFormats: config.image_format.container_formats,
  });
  const injection = readInjection(config, faults, warnings);
  const rules = readProtectionRules(config, policy, faults);
  const stores = readStores(config, faults);
  const { DEFAULT: options } = config;
  if (options.use_keystone_limits)
    faults.push(
      config.fault(
        'DEFAULT',
        'use_keystone_limits',
        "Hallmark does not know Keystone's limits; set it to false",
      ),
    );
  const importMethods = readMethods(config, faults);
  const uriFilter = readUriFilter(config, faults);
  const download = readDownload(config, uriFilter, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  return {
    policy,
    enforceScope: config.oslo_policy.enforce_scope,
    protections: new Protections({
      rules,
      inject: injection.injects ? injection.settings : NOTHING_INJECTED,
      allows: (rule, caller) => policy.allows(rule, caller, {}),
    }),
    injection,
    quotas: {
      properties: options.image_property_quota,
      tags: options.image_tag_quota,
      members: options.image_member_quota,
      locations: options.image_location_quota,
      imageSize: options.image_size_cap,
      projectStorage: options.user_storage_quota,
    },
    schema,
    inspection: {
      requiresMatch: config.image_format.require_image_format_match,
      vmdkTypes: config.image_format.vmdk_allowed_types,
      toleratesPartitions: config.image_format.gpt_safety_checks_nonfatal,
    },
    pageSizes: { standard: options.limit_param_default, most: options.api_limit_max },
    stores,
    importMethods,
    uriFilter,
    download,
    showDirectUrl: options.show_image_direct_url,
    taskTtlHours: config.task.task_time_to_live,
    hashAlgorithm: options.hashing_algorithm,
    warnings,
  };
}

const NOTHING_INJECTED = { properties: new Map<string, string>(), ignoreRoles: new Set<string>() };

function readInjection(config: Config, faults: ConfigFault[], warnings: string[]): InjectionPolicy {
  const { inject, ignore_user_roles: roles } = config.inject_metadata_properties;
  const reading = readInjectSettings(inject, roles, config.DEFAULT.image_property_quota);
  const plugins = readImportPlugins(
    config.image_import_opts.image_import_plugins,
    reading.settings.properties.size > 0,
  );
  faults.push(
    ...reading.faults.map(({ option, message }) =>
      config.fault('inject_metadata_properties', option, message),
    ),
    ...plugins.faults.map((message) => config.fault('image_import_opts', 'image_import_plugins', message)),
  );
  const where = config.where('inject_metadata_properties', 'inject');
  warnings.push(...reading.warnings.map((warning) => `${where}: ${warning}`), ...plugins.warnings);
  return { settings: reading.settings, injects: plugins.injects, onUpload: config.images.inject_on_upload };
}

function readProtectionRules(
  config: Config,
  policy: Policy,
  faults: ConfigFault[],
): readonly ProtectionRule[] | undefined {
  const { property_protection_file: written, property_protection_rule_format: format } = config.DEFAULT;
  if (written === undefined) return undefined;
  const read = readText(pathOf(config, 'DEFAULT', 'property_protection_file', written));
  if ('fault' in read) {
    faults.push(config.fault('DEFAULT', 'property_protection_file', `${read.path} ${read.fault}`));
    return undefined;
  }
  const { rules, faults: wrong } = parseProtections(read.text, format, (name) => policy.has(name));
  faults.push(...wrong.map(({ line, message }) => faultAt(`${read.path}:${line}`, message)));
  return rules;
}

function readMethods(config: Config, faults: ConfigFault[]): ImportMethod[] {
  return config.DEFAULT.enabled_import_methods.flatMap((text) => {
    const method = IMPORT_METHODS.find((candidate) => candidate === text);
    if (!method)
      faults.push(
        config.fault(
          'DEFAULT',
          'enabled_import_methods',
          `"${text}" is none of ${IMPORT_METHODS.join(', ')}`,
        ),
      );
    return method ? [method] : [];
  });
}

function readUriFilter(config: Config, faults: ConfigFault[]): UriFilter {
  const { import_filtering_opts: options } = config;
  const ports = (option: 'allowed_ports' | 'disallowed_ports'): number[] =>
    options[option].map((text) => {
      const port = Number(text);
      if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
        faults.push(config.fault('import_filtering_opts', option, `"${text}" is no port`));
      return port;
    });
  return {
    allowedSchemes: options.allowed_schemes,
    disallowedSchemes: options.disallowed_schemes,
    allowedHosts: options.allowed_hosts,
    disallowedHosts: options.disallowed_hosts,
    allowedPorts: ports('allowed_ports'),
    disallowedPorts: ports('disallowed_ports'),
  };
}
