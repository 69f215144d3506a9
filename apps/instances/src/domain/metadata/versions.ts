/** Dates of the OpenStack metadata format. Everything between two dates is as at the earlier. */
export const OPENSTACK_VERSIONS = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  '2025-04-04',
] as const;

/** Versions of EC2's metadata that Nova knows. */
export const EC2_VERSIONS = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
] as const;

/** Another name for the newest version, whether or not its date has come. */
export const LATEST = 'latest';

/** From which OpenStack version on something is served. */
export const SINCE = {
  always: '2012-08-10',
  randomSeed: '2013-04-04',
  password: '2013-04-04',
  vendorData: '2013-10-17',
  projectId: '2015-10-15',
  /** It is listed and written to drives from here on; asked for, it is served in every version. */
  networkData: '2015-10-15',
  devices: '2016-06-30',
  vendorData2: '2016-10-06',
  vlan: '2017-02-22',
  vfTrusted: '2018-08-27',
  dedicatedCpus: '2020-10-14',
  shares: '2025-04-04',
} as const satisfies Record<string, (typeof OPENSTACK_VERSIONS)[number]>;

/** From which EC2 version on something is served. */
export const EC2_SINCE = {
  addresses: '2007-01-19',
  instanceType: '2007-08-29',
  blockDevices: '2007-12-15',
  placement: '2008-02-01',
  instanceAction: '2008-09-01',
} as const satisfies Record<string, (typeof EC2_VERSIONS)[number]>;

/** A name under which a version is found, and the date whose rules it follows. */
export interface NamedVersion {
  readonly name: string;
  /** Dates compare as text, `1.0` before all of them. */
  readonly date: string;
}

/** All versions in order, `latest` at the end. */
export const withLatest = (dates: readonly string[]): NamedVersion[] => [
  ...dates.map((date) => ({ name: date, date })),
  { name: LATEST, date: dates.at(-1) ?? LATEST },
];

/** The list of versions that a guest is shown. */
export const versionList = (dates: readonly string[]): string => [...dates, LATEST].join('\n');

/** Without the dates that have not come yet in UTC. */
export function datesReached(dates: readonly string[], now: number): string[] {
  const today = new Date(now).toISOString().slice(0, 10);
  return dates.filter((date) => date <= today);
}
