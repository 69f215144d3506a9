import { expect, test } from '@jest/globals';
import { House } from './house.ts';

test('first', async () => {
  await using house = await House.open();
  const first = await house.post();
  console.log(first);
  const second = await house.post();
  console.log(second, house.requests);
  expect(house.vendordata.asked).toHaveLength(1);
});
