import { createHmac } from 'node:crypto';
import type { Instance } from './user.ts';

export interface GuestAnswer {
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly body: string;
}

/** Asks the metadata API for a guest, with what Neutron's proxy adds and signs. */
export async function askAsGuest(
  { url, proxySecret }: { readonly url: string; readonly proxySecret: string },
  { id, project_id: projectId }: Instance,
  path: string,
): Promise<GuestAnswer> {
  const begun = performance.now();
  const response = await fetch(`${url}${path}`, {
    headers: {
      'X-Forwarded-For': '10.1.0.7',
      'X-Instance-ID': id,
      'X-Tenant-ID': projectId,
      'X-Instance-ID-Signature': createHmac('sha256', proxySecret).update(id).digest('hex'),
    },
  });
  const body = await response.text();
  return { path, status: response.status, ms: performance.now() - begun, body };
}
