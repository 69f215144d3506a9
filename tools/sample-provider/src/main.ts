import { parseArgs } from 'node:util';
import { startProvider, type ProviderTls } from './provider.ts';

const USAGE = `usage: sample-provider [--listen ADDRESS:PORT] [--cert-file PEM --key-file PEM [--client-ca-file PEM]] [--maintenance]

Starts the sample VendordataProvider (default: on a free port of 127.0.0.1, without TLS) and prints
it as [api] vendordata_dynamic_targets takes it. With --maintenance it turns every call away.`;

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    'cert-file': { type: 'string' },
    'key-file': { type: 'string' },
    'client-ca-file': { type: 'string' },
    maintenance: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const { 'cert-file': certFile, 'key-file': keyFile, 'client-ca-file': clientCaFile } = values;
const tls: ProviderTls | undefined =
  certFile !== undefined && keyFile !== undefined ? { certFile, keyFile, clientCaFile } : undefined;

if (values.help) {
  console.log(USAGE);
} else if (tls === undefined && [certFile, keyFile, clientCaFile].some((file) => file !== undefined)) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const provider = await startProvider({ listen: values.listen, tls, maintenance: values.maintenance });
  console.log(`access@${provider.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void provider[Symbol.asyncDispose]());
  }
}
