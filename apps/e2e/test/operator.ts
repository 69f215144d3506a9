import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Calls a method of the vendordata service as `docs/operations.md` tells operators to. */
export async function callVendordata(port: number, method: string, data: unknown): Promise<unknown> {
  const { stdout } = await promisify(execFile)('npx', [
    'buf',
    'curl',
    '--protocol',
    'grpc',
    '--http2-prior-knowledge',
    '-d',
    JSON.stringify(data),
    `http://127.0.0.1:${port}/hallmark.vendordata.v1.VendordataService/${method}`,
  ]);
  return JSON.parse(stdout);
}
