import { describe, expect, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import type { InstanceRecord } from '../src/domain/instance-record.ts';
import { Source } from '../src/domain/metadata/documents.ts';
import { renderMetadata } from '../src/domain/metadata/render-metadata.ts';
import { find } from './guest.ts';
import {
  BARE,
  RANDOM_SEED,
  SEED_LEFT_OUT,
  WEB,
  recordedExchanges,
  recordedRequests,
} from './recorded-instances.ts';
import type { RecordedExchange } from './recorded-instances.ts';

const TERMS = { dhcpDomain: 'novalocal', now: Date.parse('2026-11-22T02:00:00Z') };

/** Where 26.2, which was recorded, and master differ: master knows one version more. */
function asMaster({ path, body }: RecordedExchange): string {
  const withSeed = body.replace(SEED_LEFT_OUT, RANDOM_SEED.toString('base64'));
  const isOpenstackListing = path === '/openstack' || path === '/openstack/';
  return isOpenstackListing ? withSeed.replace('latest', '2025-04-04\nlatest') : withSeed;
}

/** The vendordata service has the bytes of these. */
const VENDOR_SOURCES: ReadonlySet<Source | undefined> = new Set([Source.vendorData, Source.vendorData2]);

const RECORDED: readonly { name: 'nova-tree' | 'nova-bare'; record: InstanceRecord }[] = [
  { name: 'nova-tree', record: WEB },
  { name: 'nova-bare', record: BARE },
];

describe.each(RECORDED)('what nova 26.2 answered in $name is answered here', ({ name, record }) => {
  const rendered = renderMetadata(record, TERMS);

  test.each(recordedExchanges(name))('$status for $path', (exchange) => {
    const found = find(rendered, exchange.path);
    expect(found === undefined ? 404 : 200).toBe(exchange.status);
    if (found === undefined) return;
    expect(found.contentType).toBe(exchange.contentType);
    if (VENDOR_SOURCES.has(found.source)) {
      expect(exchange.path).toMatch(
        found.source === Source.vendorData ? /vendor_data\.json/ : /vendor_data2\.json/,
      );
    } else expect(found.body).toBe(asMaster(exchange));
  });
});

test('what nova 26.2 told a target is told in the same bytes', () => {
  const told = [WEB, BARE].map((record) => renderMetadata(record, TERMS).vendordataRequest.toString());
  expect(told).toEqual(recordedRequests());
});

test('what is rendered goes through the contract unchanged', () => {
  const rendered: instances.GetMetadataResponse = renderMetadata(WEB, TERMS);
  const sent = instances.GetMetadataResponse.decode(instances.GetMetadataResponse.encode(rendered).finish());
  expect(sent).toEqual({ ...rendered, reuse: undefined });
});
