import { writeFileSync } from 'node:fs';
import { Constellation } from '@hallmark/serve';
import { startFakeKeystone } from '@hallmark/testing';
import { logIn } from './src/keystone.ts';
import { startInventory } from '@hallmark/sample-targets';
const password = 'x'.repeat(12);
await using k = await startFakeKeystone({ users: [
  { name: 'hallmark', password, projects: { service: ['service'] } },
  { name: 'alice', password, projects: { mail: ['member', 'mail-operator'] } } ] });
await using inv = await startInventory();
await using c = await Constellation.start({ name: 'boot-doc', keystone: { url: k.url, username: 'hallmark', password }, preferredPort: 8780,
  config: `[api]\nvendordata_providers = StaticJSON, DynamicJSON\nvendordata_dynamic_targets = inventory@${inv.url}\n[vendordata_target:inventory]\nfailure = fatal\n` });
const token = await logIn(k.url, { username: 'alice', password }, 'mail');
writeFileSync('/tmp/boot-trial.env', `URL=${c.url}\nTOKEN=${token}\nDIR=${c.directory}\n`);
console.log('ready', c.url);
await new Promise((r) => { process.on('SIGTERM', r); setTimeout(r, 400_000); });
