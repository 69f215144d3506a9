import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import {
  ConfigError,
  defaultTargetOptions,
  type Config,
  type ConfigFault,
  type TargetOptions,
} from '@hallmark/runtime';
import { canonicalProjectId, isProjectId } from './domain/instance.ts';
import { parseTargetUrl } from './domain/target-address.ts';
import type { TargetScheme, TargetSettings } from './domain/target-settings.ts';
import { errorCode } from './error-code.ts';

const LIST = 'vendordata_dynamic_targets';
/** An answer later than this before Nova's own time-out would come too late. */
const NOVA_MARGIN_S = 0.5;
const LEAST_RESOLVE_S = 0.5;

/**
 * The targets in order: those of Nova's list, then those that have only a section. Nova warns about
 * a target it cannot use and goes on without it; here it stops the start.
 *
 * @throws ConfigError with every fault of every target.
 */
export function readTargets(config: Config): TargetSettings[] {
  const faults: ConfigFault[] = [];
  const targets: TargetSettings[] = [];
  for (const [name, url] of targetUrls(config, faults)) {
    const reader = new TargetReader(config, name, faults);
    const settings = reader.read(url);
    if (settings) targets.push(settings);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return targets;
}

/** How long all targets together may take. */
export function resolveTimeoutMs({ vendordata, api }: Config): number {
  const beforeNova = api.vendordata_dynamic_read_timeout - NOVA_MARGIN_S;
  return 1_000 * (vendordata.resolve_timeout ?? Math.max(LEAST_RESOLVE_S, beforeNova));
}

/** Where something is written. */
interface Place {
  readonly section: string;
  readonly option: string;
}

interface WrittenUrl extends Place {
  readonly text: string;
}

const NOVA_READ_TIMEOUT: Place = { section: 'api', option: 'vendordata_dynamic_read_timeout' };
const NOVA_CAFILE: Place = { section: 'api', option: 'vendordata_dynamic_ssl_certfile' };
const NOVA_CERTFILE: Place = { section: 'vendordata_dynamic_auth', option: 'certfile' };

function targetUrls(config: Config, faults: ConfigFault[]): Map<string, WrittenUrl> {
  const urls = new Map<string, WrittenUrl>();
  // An entry is told by its place: its URL may hold a password.
  const listFault = (index: number, text: string): void => {
    faults.push(config.fault('api', LIST, `entry ${index + 1}: ${text}`));
  };
  config.api[LIST].forEach((entry, index) => {
    const at = entry.indexOf('@');
    const name = entry.slice(0, at);
    if (at < 0) listFault(index, 'has no @ between name and URL; write NAME@URL');
    else if (name === '') listFault(index, 'has no name before the @; write NAME@URL');
    else if (urls.has(name)) listFault(index, `"${name}" is the name of an earlier entry too`);
    else urls.set(name, { text: entry.slice(at + 1), section: 'api', option: LIST });
  });
  for (const [name, options] of config.vendordata_target) {
    const { url } = options;
    const section = sectionOf(name);
    const listed = urls.get(name);
    if (url === undefined) {
      if (!listed) faults.push(ownerless(config, section, options));
    } else if (listed && listed.text !== url) {
      faults.push(config.fault(section, 'url', `differs from that of "${name}" in [api] ${LIST}`));
    } else if (!listed) {
      urls.set(name, { text: url, section, option: 'url' });
    }
  }
  return urls;
}

/** The section is found by any option it has: the one that is missing is written nowhere. */
function ownerless(config: Config, section: string, options: TargetOptions): ConfigFault {
  const written = Object.keys(options).find((option) => config.where(section, option) !== 'default');
  const where = config.where(section, written ?? 'url');
  return { where, message: `${where}: [${section}] has no url, and [api] ${LIST} has no such target` };
}

const sectionOf = (name: string): string => `vendordata_target:${name}`;

/** Reads what is said about one target, collecting faults. */
class TargetReader {
  readonly #config: Config;
  readonly #name: string;
  readonly #faults: ConfigFault[];
  readonly #options: TargetOptions;

  constructor(config: Config, name: string, faults: ConfigFault[]) {
    this.#config = config;
    this.#name = name;
    this.#faults = faults;
    this.#options = config.vendordata_target.get(name) ?? defaultTargetOptions;
  }

  read(url: WrittenUrl): TargetSettings | undefined {
    const parsed = parseTargetUrl(url.text);
    if ('fault' in parsed) {
      this.#fault(url, `"${this.#name}": ${parsed.fault}`);
      return undefined;
    }
    const { api } = this.#config;
    const options = this.#options;
    const connect = options.connect_timeout ?? api.vendordata_dynamic_connect_timeout;
    const read = options.read_timeout ?? api.vendordata_dynamic_read_timeout;
    if (read <= 0) this.#fault(NOVA_READ_TIMEOUT, 'must be above 0, or every call fails');
    return {
      ...parsed.address,
      name: this.#name,
      failure: options.failure ?? (api.vendordata_dynamic_failure_fatal ? 'fatal' : 'omit'),
      connectTimeoutMs: connect * 1_000,
      readTimeoutMs: read * 1_000,
      totalTimeoutMs: (options.total_timeout ?? connect + read) * 1_000,
      authorities: this.#authorities(parsed.address.scheme),
      clientCertificate: this.#clientCertificate(parsed.address.scheme),
      maxResponseBytes: options.max_response_bytes,
      maxStaleSeconds: options.max_stale,
      ...this.#projects(),
      maxConcurrency: options.max_concurrency,
      defaultCacheControl: options.default_cache_control,
      breakerFailures: options.breaker_failures,
      breakerResetMs: options.breaker_reset * 1_000,
    };
  }

  /** Files are read only for a target that uses them: nova.conf may name some that are not here. */
  #authorities(scheme: TargetScheme): string | undefined {
    if (!hasTls(scheme)) return undefined;
    const [place, path] = isSet(this.#options.cafile)
      ? [this.#place('cafile'), this.#options.cafile]
      : [NOVA_CAFILE, this.#config.api.vendordata_dynamic_ssl_certfile];
    if (path === '') return undefined;
    const pem = this.#readFile(place, path);
    if (pem !== undefined && !holdsCertificate(pem)) this.#fault(place, `${path} holds no certificate`);
    return pem;
  }

  #clientCertificate(scheme: TargetScheme): TargetSettings['clientCertificate'] {
    if (!hasTls(scheme)) return undefined;
    const isOwn = isSet(this.#options.certfile);
    const { certfile, keyfile } = isOwn ? this.#options : this.#config.vendordata_dynamic_auth;
    if (!isSet(certfile)) return undefined;
    const place = isOwn ? this.#place('certfile') : NOVA_CERTFILE;
    const certificate = this.#readFile(place, certfile);
    // Nova takes a file with both in it as well.
    const key = isSet(keyfile) ? this.#readFile({ ...place, option: 'keyfile' }, keyfile) : certificate;
    if (certificate === undefined || key === undefined) return undefined;
    try {
      createSecureContext({ cert: certificate, key });
    } catch {
      const needed = isSet(keyfile) ? 'and keyfile do not belong together' : 'needs keyfile beside it';
      this.#fault(place, `${certfile} ${needed}, or cannot be understood`);
    }
    return { certificate, key };
  }

  #projects(): Pick<TargetSettings, 'projects' | 'excludedProjects'> {
    const ids = (option: 'projects' | 'exclude_projects'): string[] => {
      const wrong = this.#options[option].find((id) => !isProjectId(id));
      if (wrong !== undefined) this.#fault(this.#place(option), `"${wrong}" is no project id`);
      return this.#options[option].map(canonicalProjectId);
    };
    const projects = ids('projects');
    const excludedProjects = ids('exclude_projects');
    const both = projects.find((id) => excludedProjects.includes(id));
    if (both !== undefined) this.#fault(this.#place('exclude_projects'), `"${both}" is among projects too`);
    return { projects, excludedProjects };
  }

  #readFile(place: Place, path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      this.#fault(place, `${path} cannot be read (${errorCode(error)})`);
      return undefined;
    }
  }

  #place(option: keyof TargetOptions): Place {
    return { section: sectionOf(this.#name), option };
  }

  #fault({ section, option }: Place, text: string): void {
    const fault = this.#config.fault(section, option, text);
    // Targets share options of Nova's, and so their faults.
    if (!this.#faults.some(({ message }) => message === fault.message)) this.#faults.push(fault);
  }
}

const hasTls = (scheme: TargetScheme): boolean => scheme === 'https' || scheme === 'grpcs';

const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';

function holdsCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== '';
  } catch {
    return false;
  }
}
