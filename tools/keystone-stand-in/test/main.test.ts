import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

test('says that it is a stand-in, lets its accounts log in, and ends with SIGTERM', async () => {
  const child = spawn(process.execPath, ['--conditions=@hallmark/source', MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const exited = once(child, 'exit');
  try {
    const lines = createInterface({ input: child.stdout });
    const [first] = (await once(lines, 'line')) as [string];
    expect(first).toMatch(/STAND-IN/);
    const url = /http:\S+/.exec(first)?.[0] ?? '';
    const login = await fetch(`${url}/auth/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'nova', domain: { id: 'default' }, password: 'nova-secret' } },
          },
          scope: { project: { name: 'service', domain: { id: 'default' } } },
        },
      }),
    });
    expect(login.status).toBe(201);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await exited).toEqual([0, null]);
});
