import { NOVA_FIELDS, normalizeProperties } from './nova-properties.ts';
import { hypervisorFits } from './version-predicate.ts';

export interface PlacementHost {
  readonly name: string;
  readonly traits: ReadonlySet<string>;
  /** Empty: it takes any. */
  readonly supportedInstances: readonly InstanceType[];
  /** Empty: unknown. */
  readonly hypervisorVersion: string;
}

export interface InstanceType {
  readonly architecture: string;
  readonly hypervisorType: string;
  readonly vmMode: string;
}

export interface Aggregate {
  readonly name: string;
  readonly hosts: ReadonlySet<string>;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface PlacementSwitches {
  readonly isolatedAggregates: boolean;
  readonly propertiesIsolation: boolean;
  /** Empty: none. */
  readonly isolationNamespace: string;
  readonly isolationSeparator: string;
  /** Empty: none. */
  readonly defaultArchitecture: string;
}

export interface PlacementQuestion {
  readonly properties: ReadonlyMap<string, string>;
  /** Names that the operator injects, and whether an upload without import would go without them. */
  readonly injected: ReadonlySet<string>;
  readonly uploadsAreInjected: boolean;
  readonly extraSpecs: ReadonlyMap<string, string>;
  readonly hosts: readonly PlacementHost[];
  readonly aggregates: readonly Aggregate[];
  readonly switches: PlacementSwitches;
}

export interface Reason {
  readonly rule: string;
  /** Whether it speaks against the host. */
  readonly refuses: boolean;
  readonly message: string;
}

export interface Verdict {
  readonly host: string;
  readonly possible: boolean;
  readonly reasons: readonly Reason[];
}

export interface Explanation {
  readonly hosts: readonly Verdict[];
  readonly remarks: readonly Reason[];
}

const TRAIT = 'trait:';
const refusal = (rule: string, message: string): Reason => ({ rule, refuses: true, message });
const remark = (rule: string, message: string): Reason => ({ rule, refuses: false, message });

/** On which hosts an image could land, by the rules of Nova's scheduler and Placement. */
export function explainPlacement(question: PlacementQuestion): Explanation {
  const properties = normalizeProperties(question.properties);
  const traits = traitsOf(properties, question.extraSpecs);
  const hosts = question.hosts.map((host) => {
    const reasons = [
      ...traitReasons(host, traits),
      ...(question.switches.isolatedAggregates ? isolationReasons(host, question, traits.required) : []),
      ...(question.switches.propertiesIsolation ? propertyReasons(host, question, properties) : []),
      ...instanceReasons(host, properties, question.switches.defaultArchitecture),
    ];
    return { host: host.name, possible: !reasons.some(({ refuses }) => refuses), reasons };
  });
  return { hosts, remarks: [...remarksOnProperties(properties, question), ...injectionRemarks(question)] };
}

interface Traits {
  /** Each with what asks for it. */
  readonly required: ReadonlyMap<string, string>;
  readonly forbidden: ReadonlySet<string>;
}

function traitsOf(properties: ReadonlyMap<string, string>, extraSpecs: ReadonlyMap<string, string>): Traits {
  const required = new Map<string, string>();
  const forbidden = new Set<string>();
  for (const [name, value] of properties)
    if (name.startsWith(TRAIT) && value === 'required') required.set(name.slice(TRAIT.length), 'the image');
  for (const [name, value] of extraSpecs) {
    const trait = /^trait(?:\d+|_[A-Za-z0-9_-]+)?:(.+)$/.exec(name)?.[1];
    if (trait === undefined) continue;
    if (value === 'required') required.set(trait, required.has(trait) ? 'image and flavor' : 'the flavor');
    if (value === 'forbidden') forbidden.add(trait);
  }
  return { required, forbidden };
}

function traitReasons(host: PlacementHost, { required, forbidden }: Traits): Reason[] {
  return [
    ...[...required]
      .filter(([trait]) => !host.traits.has(trait))
      .map(([trait, by]) => refusal('TRAIT_MISSING', `It lacks the trait ${trait}, which ${by} requires.`)),
    ...[...forbidden]
      .filter((trait) => host.traits.has(trait))
      .map((trait) => refusal('TRAIT_FORBIDDEN', `It has the trait ${trait}, which the flavor forbids.`)),
  ];
}

/** An aggregate that asks for a trait takes only what asks for it too. */
function isolationReasons(
  host: PlacementHost,
  { aggregates }: PlacementQuestion,
  required: ReadonlyMap<string, string>,
): Reason[] {
  return aggregates
    .filter(({ hosts }) => hosts.has(host.name))
    .flatMap(({ name, metadata }) =>
      [...metadata]
        .filter(([key, value]) => key.startsWith(TRAIT) && value === 'required')
        .filter(([key]) => !required.has(key.slice(TRAIT.length)))
        .map(([key]) =>
          refusal(
            'AGGREGATE_ISOLATED',
            `Its aggregate ${name} has ${key}=required, and neither image nor flavor requires that trait.`,
          ),
        ),
    );
}

/** AggregateImagePropertiesIsolation: the values of all aggregates of a host count together. */
function propertyReasons(
  host: PlacementHost,
  { aggregates, switches }: PlacementQuestion,
  properties: ReadonlyMap<string, string>,
): Reason[] {
  const own = aggregates.filter(({ hosts }) => hosts.has(host.name));
  const keys = new Set(own.flatMap(({ metadata }) => [...metadata.keys()]));
  const prefix = switches.isolationNamespace + switches.isolationSeparator;
  return [...keys].flatMap((key) => {
    if (switches.isolationNamespace !== '' && !key.startsWith(prefix)) return [];
    const having = own.filter(({ metadata }) => metadata.has(key));
    const names = having.map(({ name }) => name).join(', ');
    const wanted = having.map(({ metadata }) => metadata.get(key) ?? '').join(',');
    if (!NOVA_FIELDS.has(key)) {
      return key.startsWith(TRAIT)
        ? []
        : [
            remark(
              'PROPERTY_IGNORED',
              `${key}=${wanted} of aggregate ${names} restricts nothing: Nova does not know this image property.`,
            ),
          ];
    }
    const value = asNovaWrites(key, properties.get(key));
    if (value === undefined) {
      return [
        remark(
          'PROPERTY_LACKING',
          `The image lacks ${key}, so ${key}=${wanted} of aggregate ${names} does not restrict it.`,
        ),
      ];
    }
    if (wanted.split(',').some((one) => one.trim() === value)) return [];
    return [
      refusal(
        'AGGREGATE_PROPERTY_MISMATCH',
        `Its aggregate ${names} has ${key}=${wanted}, and the image has ${key}=${value}.`,
      ),
    ];
  });
}

const BOOLEAN_FIELDS =
  /^(?:hw_boot_menu|hw_qemu_guest_agent|hw_rescue_.*|hw_time_hpet|hw_pmu|hw_vif_multiqueue_enabled|hw_firmware_stateless|hw_locked_memory|hw_mem_encryption|hw_virtio_packed_ring|hw_ephemeral_encryption|hw_auto_disk_config|hw_ipxe_boot|img_bdm_v2|img_bittorrent|img_linked_clone|img_use_agent|img_hide_hypervisor_id|os_require_quiesce)$/;

/** Nova compares Python's string form of what it made of the text; undefined is unset or false. */
function asNovaWrites(key: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (!BOOLEAN_FIELDS.test(key)) return value === '0' ? undefined : value;
  return /^(?:1|t|true|on|y|yes)$/i.test(value.trim()) ? 'True' : undefined;
}

function instanceReasons(
  host: PlacementHost,
  properties: ReadonlyMap<string, string>,
  defaultArchitecture: string,
): Reason[] {
  const wanted = {
    architecture: properties.get('hw_architecture') ?? defaultArchitecture,
    hypervisorType: properties.get('img_hv_type') ?? '',
    vmMode: properties.get('hw_vm_mode') ?? '',
  };
  const asked = Object.values(wanted).filter((value) => value !== '');
  const reasons: Reason[] = [];
  const fits = host.supportedInstances.some(
    (type) =>
      (wanted.architecture === '' || wanted.architecture === type.architecture) &&
      (wanted.hypervisorType === '' || wanted.hypervisorType === type.hypervisorType) &&
      (wanted.vmMode === '' || wanted.vmMode === type.vmMode),
  );
  if (asked.length > 0 && host.supportedInstances.length > 0 && !fits)
    reasons.push(
      refusal('INSTANCE_TYPE_UNSUPPORTED', `It runs no instance of ${asked.join(', ')}, as the image asks.`),
    );
  const version = properties.get('img_hv_requested_version');
  if (
    version !== undefined &&
    host.hypervisorVersion !== '' &&
    !hypervisorFits(host.hypervisorVersion, version)
  )
    reasons.push(
      refusal(
        'HYPERVISOR_VERSION_MISMATCH',
        `Its hypervisor has version ${host.hypervisorVersion}, and the image asks for ${version}.`,
      ),
    );
  return reasons;
}

function remarksOnProperties(
  properties: ReadonlyMap<string, string>,
  { injected }: PlacementQuestion,
): Reason[] {
  return [...properties].flatMap(([name, value]) => {
    if (name.startsWith(TRAIT)) {
      return value === 'required'
        ? []
        : [remark('TRAIT_WITHOUT_EFFECT', `${name}=${value} has no effect: only the value required counts.`)];
    }
    // What the operator injects is meant to steer; that it does not is worth saying.
    return NOVA_FIELDS.has(name) || !injected.has(name)
      ? []
      : [remark('PROPERTY_IGNORED', `${name}=${value} is injected, but no scheduler of Nova reads it.`)];
  });
}

function injectionRemarks({ properties, injected, uploadsAreInjected }: PlacementQuestion): Reason[] {
  return [...properties.keys()]
    .filter((name) => name.startsWith(TRAIT) || NOVA_FIELDS.has(name))
    .map((name) => {
      if (!injected.has(name))
        return remark('PROPERTY_UNPROTECTED', `${name} is not injected; its owner may change it.`);
      const gap = uploadsAreInjected
        ? ''
        : ' Images that come by PUT file, as snapshots and uploaded volumes do, go without it.';
      return remark(
        'PROPERTY_INJECTED',
        `${name} is injected; only users with a role of ignore_user_roles may change it.${gap}`,
      );
    });
}
