import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort } from '@hallmark/runtime';
import { APPS } from '../src/index.ts';
import { choosePorts } from '../src/ports.ts';

test("Nova's door gets the preferred port", async () => {
  const port = await freePort();
  expect((await choosePorts(port)).nova).toBe(port);
});

test('unless somebody has it', async () => {
  const port = await freePort();
  const somebody = createServer().listen(port, '127.0.0.1');
  try {
    await once(somebody, 'listening');
    expect((await choosePorts(port)).nova).not.toBe(port);
  } finally {
    somebody.close();
  }
});

test('no two listeners get the same', async () => {
  const { ops, ...others } = await choosePorts();
  const all = [...Object.values(others), ...ops.values()];
  expect(new Set(all).size).toBe(9 + APPS.length);
});
