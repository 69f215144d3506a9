import type { InstanceRecord } from '../instance-record.ts';
import { DocumentCollection } from './documents.ts';
import type { DocumentTree } from './documents.ts';
import { ec2Entries, ec2MetaData } from './ec2-tree.ts';
import { metaData } from './meta-data.ts';
import { openstackEntries } from './openstack-tree.ts';
import { networkDataJson, userDataBytes } from './record-content.ts';
import { vendordataRequest } from './vendordata-request.ts';
import { EC2_VERSIONS, OPENSTACK_VERSIONS, datesReached, versionList, withLatest } from './versions.ts';

/** What the documents depend on beside the record. */
export interface MetadataTerms {
  /** Appended to the host name. Empty: nothing is. */
  readonly dhcpDomain: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Everything a guest may read of a record: `GetMetadataResponse` without its reuse. */
export interface RenderedMetadata {
  instanceId: string;
  projectId: string;
  contents: Buffer[];
  trees: DocumentTree[];
  openstackVersions: Record<string, number>;
  ec2Versions: Record<string, number>;
  openstackListing: number;
  ec2Listing: number;
  contentTree: DocumentTree;
  vendordataRequest: Buffer;
}

/** Makes all documents and listings of all versions, as Nova serves them. */
export function renderMetadata(record: InstanceRecord, { dhcpDomain, now }: MetadataTerms): RenderedMetadata {
  const documents = new DocumentCollection();
  const userData = userDataBytes(record);
  const common = {
    userData: userData && documents.addBytes(userData),
    password: documents.addText(record.password ?? ''),
    networkData: documents.addText(networkDataJson(record)),
  };
  const metaDataFor = metaData(record, dhcpDomain);
  return {
    instanceId: record.id,
    projectId: record.projectId,
    contents: documents.contents,
    trees: documents.trees,
    openstackVersions: treesOf(OPENSTACK_VERSIONS, (date) => {
      const document = documents.addText(metaDataFor(date));
      return documents.addTree(openstackEntries(date, document, common, documents));
    }),
    ec2Versions: treesOf(EC2_VERSIONS, (date) => {
      const directory = ec2MetaData(date, record, dhcpDomain);
      return documents.addTree(ec2Entries(directory, common.userData, documents));
    }),
    openstackListing: documents.addText(versionList(datesReached(OPENSTACK_VERSIONS, now))),
    ec2Listing: documents.addText(versionList(EC2_VERSIONS)),
    // Nova has its rendered network file there, which Hallmark does not make, and injected files
    // on drives only.
    contentTree: { entries: [] },
    vendordataRequest: vendordataRequest(record),
  };
}

function treesOf(dates: readonly string[], treeFor: (date: string) => number): Record<string, number> {
  const trees = new Map(dates.map((date) => [date, treeFor(date)]));
  return Object.fromEntries(
    withLatest(dates).map(({ name, date }) => [name, trees.get(date) ?? treeFor(date)]),
  );
}
