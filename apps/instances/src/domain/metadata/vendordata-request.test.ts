import { expect, test } from '@jest/globals';
import { BARE } from '../../../test/recorded-instances.ts';
import { vendordataRequest } from './vendordata-request.ts';

test('has seven keys in their order, whatever there is', () => {
  const record = {
    ...BARE,
    imageId: undefined,
    hostname: 'höst',
    metadata: [{ key: 'ipa_enroll', value: 'True' }],
    userData: 'IyEvYmluL3NoCmVjaG8gaGkK',
    bootRoles: ['member', 'a, b', 'reader'],
  };
  expect(vendordataRequest(record).toString()).toBe(
    '{"project-id": "b1c0ec969e3a4133bea1e08f2c92ec8d", "instance-id": "ccc17f2d-4149-41cd-9d70-11b9c6bce071", ' +
      '"image-id": "", "user-data": "IyEvYmluL3NoCmVjaG8gaGkK", "hostname": "h\\u00f6st", ' +
      '"metadata": {"ipa_enroll": "True"}, "boot-roles": "member,a, b,reader"}',
  );
});

test('tells nothing of roles where none were stashed', () => {
  expect(vendordataRequest({ ...BARE, bootRoles: [] }).toString()).toMatch(/"boot-roles": ""\}$/);
});
