import type { InstanceRecord, PersonalityFile } from '../instance-record.ts';
import { ec2MetaData } from './ec2-tree.ts';
import { writeJson } from './json.ts';
import { metaData } from './meta-data.ts';
import { networkDataJson, userDataBytes } from './record-content.ts';
import { EC2_VERSIONS, OPENSTACK_VERSIONS, SINCE, withLatest } from './versions.ts';

/** What a config drive depends on beside the record. */
export interface DriveTerms {
  /** Appended to the host name. Empty: nothing is. */
  readonly dhcpDomain: string;
  /** EC2 versions to leave off, with single spaces between, as Nova's option has them. */
  readonly skipVersions: string;
  /** Undefined: static vendordata is not among the providers. */
  readonly vendorData: Buffer | undefined;
  readonly vendorData2: Buffer;
}

/** A file of a config drive. Its directories follow from its path. */
export interface DriveFile {
  readonly path: string;
  readonly contents: Buffer;
}

/** The files of a config drive, in the order in which Nova writes them. */
export function driveFiles(record: InstanceRecord, terms: DriveTerms): DriveFile[] {
  const injected = record.personality.map(injectedFile);
  return [
    ...ec2Files(record, terms),
    ...openstackFiles(record, terms, injected),
    ...injected.map(({ contentPath, contents }) => ({ path: `openstack${contentPath}`, contents })),
  ];
}

interface InjectedFile extends PersonalityFile {
  /** Where the drive has it, below `openstack`. */
  readonly contentPath: string;
}

const injectedFile = (file: PersonalityFile, index: number): InjectedFile => ({
  ...file,
  contentPath: `/content/${String(index).padStart(4, '0')}`,
});

function ec2Files(record: InstanceRecord, { dhcpDomain, skipVersions }: DriveTerms): DriveFile[] {
  const skipped = new Set(skipVersions.split(' '));
  const userData = userDataBytes(record);
  return withLatest(EC2_VERSIONS)
    .filter(({ name }) => !skipped.has(name))
    .flatMap(({ name, date }) => {
      const json = writeJson(ec2MetaData(date, record, dhcpDomain));
      return directory(`ec2/${name}`, [
        ['user-data', userData],
        ['meta-data.json', Buffer.from(json)],
      ]);
    });
}

function openstackFiles(
  record: InstanceRecord,
  { dhcpDomain, vendorData, vendorData2 }: DriveTerms,
  files: readonly InjectedFile[],
): DriveFile[] {
  const metaDataFor = metaData(record, dhcpDomain, { files, adminPass: record.adminPass });
  const userData = userDataBytes(record);
  const networkData = Buffer.from(networkDataJson(record));
  return withLatest(OPENSTACK_VERSIONS).flatMap(({ name, date }) =>
    directory(`openstack/${name}`, [
      ['meta_data.json', Buffer.from(metaDataFor(date))],
      ['user_data', userData],
      ['vendor_data.json', date >= SINCE.vendorData ? vendorData : undefined],
      ['network_data.json', date >= SINCE.networkData ? networkData : undefined],
      ['vendor_data2.json', date >= SINCE.vendorData2 ? vendorData2 : undefined],
    ]),
  );
}

/** The files of a directory, without those that have no contents. */
const directory = (
  path: string,
  files: readonly [name: string, contents: Buffer | undefined][],
): DriveFile[] =>
  files.flatMap(([name, contents]) =>
    contents === undefined ? [] : [{ path: `${path}/${name}`, contents }],
  );
