import type { z } from 'zod';
import { authPlugin, authSession, configSchema, plainSections, type SectionName } from '../options/index.ts';
import { ConfigError, optionFault, type ConfigFault } from './faults.ts';
import { normalizeSection, TARGET_PREFIX } from './ini.ts';
import { optionsOf } from './option-info.ts';
import { Settings } from './settings.ts';
import { readSources, type ConfigSources } from './sources.ts';
import { storeNames } from './store-names.ts';
import { targetNames } from './target-names.ts';
import { doubtfulNames, unknownNames } from './unknown.ts';
import { schemaOf, Values } from './values.ts';

type Everything = z.output<typeof configSchema>;
type Sections = { readonly [Name in SectionName]: Readonly<Everything[Name]> };
/** What `[vendordata_target:NAME]` says about one target. */
export type TargetOptions = Readonly<
  Everything['vendordata_target'] extends Map<string, infer T> ? T : never
>;

/** What the section of an image store says. */
export type ImageStoreOptions = Readonly<Everything['image_store'] extends Map<string, infer T> ? T : never>;

/** The sections from which a login to Keystone can be read. */
export type AuthSection = 'vendordata_dynamic_auth' | 'keystone_authtoken';

/** How to log in to Keystone, and how to connect to it. */
export interface AuthOptions
  extends Readonly<z.output<typeof authPlugin>>, Readonly<z.output<typeof authSession>> {
  /** Where the login was read: the section itself, or the one that its `auth_section` names. */
  readonly section: string;
}

/** The configuration of all processes: section, option, typed value. Times are seconds, sizes bytes. */
export interface Config extends Sections {
  /** `[vendordata_target:NAME]` by name, in the order of the files. */
  readonly vendordata_target: ReadonlyMap<string, TargetOptions>;
  /** The sections of the stores in `[DEFAULT] enabled_backends`, by id, and of `os_glance_staging_store`. */
  readonly image_store: ReadonlyMap<string, ImageStoreOptions>;
  /** The files that were read, in order. */
  readonly files: readonly string[];
  /** Sentences about what still works but should be written differently, such as old names. */
  readonly warnings: readonly string[];
  /** `FILE:LINE`, `environment NAME`, or `default`. */
  where(section: string, option: string): string;
  /** A fault of an option that only its user can find, for a ConfigError of the user's own. */
  fault(section: string, option: string, text: string): ConfigFault;
  /** The login of a section, read from another where `auth_section` says so. */
  auth(section: AuthSection): AuthOptions;
}

/**
 * Reads `--config-file FILE` and `--config-dir DIR`, as many as given, and the environment. Throws a
 * ConfigError with all faults.
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Config {
  return buildConfig(readSources(argv, env));
}

/** Reads the text of one file, for tests and the try-out. Throws a ConfigError with all faults. */
export function parseConfig(ini: string, env: Readonly<Record<string, string>> = {}): Config {
  return buildConfig({ files: [{ path: 'hallmark.conf', text: ini }], faults: [], environment: env });
}

/** Understands what was read. Throws a ConfigError with all faults. */
export function buildConfig(sources: ConfigSources): Config {
  const settings = new Settings(sources);
  const values = new Values(settings);
  const parsed = configSchema.safeParse({
    ...Object.fromEntries(Object.keys(plainSections).map((name) => [name, values.section(name)])),
    vendordata_target: new Map(
      targetNames(settings).map((name) => [name, values.section(TARGET_PREFIX + name)]),
    ),
    image_store: new Map(storeNames(values).map((name) => [name, values.section(normalizeSection(name))])),
  });
  const logins: Readonly<Record<AuthSection, Login>> = {
    vendordata_dynamic_auth: readLogin('vendordata_dynamic_auth', settings, values),
    keystone_authtoken: readLogin('keystone_authtoken', settings, values),
  };
  const faults = [
    ...sources.faults,
    ...settings.faults,
    ...values.faults,
    ...(parsed.error?.issues ?? []).map((issue) => faultOfIssue(issue, values)),
    ...unknownNames(settings),
  ];
  if (faults.length > 0 || !parsed.success) throw new ConfigError(inReadingOrder(faults, sources));
  const config = parsed.data;
  return {
    ...config,
    files: sources.files.map(({ path }) => path),
    warnings: [...values.warnings, ...doubtfulNames(settings)],
    where: (section, option) => values.where(section, option),
    fault: (section, option, text) => optionFault(values.where(section, option), section, option, text),
    auth(section) {
      const { cafile, certfile, keyfile, insecure, timeout } = config[section];
      return { ...logins[section], cafile, certfile, keyfile, insecure, timeout };
    },
  };
}

type Login = Readonly<z.output<typeof authPlugin>> & { readonly section: string };

/** One step only, as keystoneauth: the `auth_section` of the section that is followed counts for nothing. */
function readLogin(section: AuthSection, settings: Settings, values: Values): Login {
  const named = values.section(section)['auth_section'];
  if (typeof named !== 'string' || named === '') {
    return { ...authPlugin.parse(values.section(section)), section };
  }
  const followed = normalizeSection(named);
  const isWritten =
    settings.sections().some(({ normalized }) => normalized === followed) ||
    settings.environment().some(({ group }) => normalizeSection(group.toLowerCase()) === followed);
  if (!isWritten) {
    values.fault(section, 'auth_section', `names the section [${followed}], which does not exist`);
  }
  return { ...authPlugin.parse(values.section(followed)), section: followed };
}

function faultOfIssue(issue: z.core.$ZodIssue, values: Values): ConfigFault {
  const [first = '', ...rest] = issue.path.map(String);
  const section =
    first === 'vendordata_target'
      ? `${TARGET_PREFIX}${rest.shift() ?? ''}`
      : first === 'image_store'
        ? normalizeSection(rest.shift() ?? '')
        : first;
  const option = rest.join('.');
  const info = optionsOf(schemaOf(section)).get(option);
  const isRule = issue.code === 'custom' && issue.params?.['namesOptionsOnly'] === true;
  // A type repeats the value in its message; what a reference brought in may be somebody's password.
  const mayShow = isRule || !(info?.secret === true || values.hasReplaced(section, option));
  const text = mayShow ? issue.message : `does not give a valid value (${info?.type ?? 'string'})`;
  return optionFault(values.where(section, option), section, option, text);
}

/** What could not be read, then file by file and line by line, then the environment. */
function inReadingOrder(
  faults: readonly ConfigFault[],
  { files, faults: unread }: ConfigSources,
): ConfigFault[] {
  const position = ({ where }: ConfigFault): [file: number, line: number] => {
    if (unread.some((fault) => fault.where === where)) return [-1, 0];
    const [, path, line] = /^(.*):(\d+)$/.exec(where) ?? [];
    return line === undefined
      ? [files.length, 0]
      : [files.findLastIndex((file) => file.path === path), Number(line)];
  };
  return faults.toSorted((a, b) => {
    const [fileA, lineA] = position(a);
    const [fileB, lineB] = position(b);
    return fileA - fileB || lineA - lineB;
  });
}
