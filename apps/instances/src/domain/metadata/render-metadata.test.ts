import { describe, expect, test } from '@jest/globals';
import { find } from '../../../test/guest.ts';
import { BARE, WEB } from '../../../test/recorded-instances.ts';
import { Source } from './documents.ts';
import { renderMetadata } from './render-metadata.ts';
import { OPENSTACK_VERSIONS } from './versions.ts';

const TERMS = { dhcpDomain: 'novalocal', now: Date.parse('2026-11-22T02:00:00Z') };
const rendered = renderMetadata(WEB, TERMS);

describe('versions', () => {
  test.each([
    ['2025-04-03T23:59:59Z', '2020-10-14\nlatest'],
    ['2025-04-04T00:00:00Z', '2020-10-14\n2025-04-04\nlatest'],
  ])('of dates to come are not listed at %s, and are served', (now, end) => {
    const then = renderMetadata(WEB, { ...TERMS, now: Date.parse(now) });
    expect(find(then, '/openstack')?.body.endsWith(end)).toBe(true);
    expect(find(then, '/openstack/2025-04-04/meta_data.json')).toBeDefined();
  });

  test('have files from the one on that Nova says', () => {
    const from = (file: string) =>
      OPENSTACK_VERSIONS.find((version) => find(rendered, `/openstack/${version}/${file}`) !== undefined);
    expect(from('meta_data.json')).toBe('2012-08-10');
    expect(from('user_data')).toBe('2012-08-10');
    expect(from('password')).toBe('2013-04-04');
    expect(from('vendor_data.json')).toBe('2013-10-17');
    expect(from('network_data.json')).toBe('2012-08-10'); // though listed from 2015-10-15 on
    expect(from('vendor_data2.json')).toBe('2016-10-06');
  });

  test('have a file that is their listing', () => {
    for (const version of [...OPENSTACK_VERSIONS, 'latest']) {
      const listing = find(rendered, `/openstack/${version}`);
      expect(find(rendered, `/openstack/${version}/version`)).toEqual(listing);
      expect(listing?.body).not.toContain('version');
    }
  });

  test.each([
    '/openstack/2025-04-05',
    '/OPENSTACK',
    '/openstack/latest/meta_data.json/x',
    '/openstack/latest/content',
    '/openstack/content/0000',
    '/openstack/latest/user-data',
  ])('do not have %s', (path) => {
    expect(find(rendered, path)).toBeUndefined();
  });
});

describe('the password', () => {
  test('is what the guest posted, and its own kind of document', () => {
    const found = find(
      renderMetadata({ ...BARE, password: 'c2VjcmV0\n' }, TERMS),
      '/openstack/latest/password',
    );
    expect(found).toEqual({
      source: Source.password,
      contentType: 'text/html; charset=UTF-8',
      body: 'c2VjcmV0\n',
    });
  });
});

describe('what the answer weighs', () => {
  test('contents and trees come once', () => {
    const texts = rendered.contents.map((content) => content.toString());
    expect(new Set(texts).size).toBe(texts.length);
    const trees = rendered.trees.map((tree) => JSON.stringify(tree));
    expect(new Set(trees).size).toBe(trees.length);
  });

  test('versions without a difference share a tree', () => {
    const { openstackVersions, ec2Versions } = rendered;
    expect(openstackVersions.latest).toBe(openstackVersions['2025-04-04']);
    expect(openstackVersions['2020-10-14']).toBe(openstackVersions['2025-04-04']); // there is no share
    expect(ec2Versions.latest).toBe(ec2Versions['2009-04-04']);
    expect(ec2Versions['2007-01-19']).toBe(ec2Versions['2007-03-01']);
    expect(rendered.trees.length).toBeLessThan(16);
  });

  test('entries are sorted by path', () => {
    for (const { entries } of rendered.trees) {
      const paths = entries.map(({ path }) => path);
      expect(paths).toEqual(paths.toSorted());
    }
  });

  test('everything has bytes to point at', () => {
    const indices = rendered.trees.flatMap(({ entries }) => entries.map(({ content }) => content));
    expect(Math.max(...indices, rendered.openstackListing, rendered.ec2Listing)).toBeLessThan(
      rendered.contents.length,
    );
  });
});

test('user data that is empty is there', () => {
  const empty = renderMetadata({ ...BARE, userData: '' }, TERMS);
  expect(find(empty, '/openstack/latest')?.body).toContain('user_data');
  expect(find(empty, '/openstack/latest/user_data')?.body).toBe('');
});
