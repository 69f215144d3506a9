import { Constellation } from '@hallmark/serve';
import { startFakeKeystone } from '@hallmark/testing';
import { Child } from '../child.ts';
import { OWN_INSTANCE, type PostPlan } from '../load/plan.ts';
import type { Watched } from '../measure/process-usage.ts';

/** How long each target takes to answer. */
export const TARGET_MS = 50;
/** How many targets a request may ask, by the project of its instance. */
export const TARGET_COUNTS = [1, 3, 5, 10] as const;
export type TargetCount = (typeof TARGET_COUNTS)[number];

/** Hallmark as it is started from a configuration, with targets that count. */
export interface House {
  readonly port: number;
  readonly watched: readonly Watched[];
  /** A POST as Nova does it, about an instance for which so many targets are asked. */
  post(targets: TargetCount, instanceId?: string): Pick<PostPlan, 'kind' | 'path' | 'headers' | 'body'>;
  /** How often each target was asked so far. */
  calls(): Promise<readonly number[]>;
}

/** Starts Keystone, targets and all processes of Hallmark; they end with `parts`. */
export async function startHouse(parts: AsyncDisposableStack, signal: AbortSignal): Promise<House> {
  const keystone = parts.use(await startFakeKeystone());
  const count = Math.max(...TARGET_COUNTS);
  const { child: targets, ready } = await Child.start('targets', { count, delayMs: TARGET_MS });
  parts.use(targets);
  const constellation = parts.use(
    await Constellation.start({
      name: 'hallmark-bench',
      keystone: { url: keystone.url, username: 'hallmark', password: 'hallmark-secret' },
      config: configuration(ready.ports),
      instances: false,
      images: false,
      signal,
    }),
  );
  const headers = novaHeaders(keystone.issue({ user: 'nova', project: 'service' }));
  return {
    port: Number(new URL(constellation.url).port),
    watched: [
      ...[...constellation.programs].map(([name, { pid }]) => ({ name, pid })),
      { name: 'targets', pid: targets.pid },
    ],
    post: (asked, instanceId = OWN_INSTANCE) => ({
      kind: 'post',
      path: '/vendordata',
      headers,
      body: instanceJson(projectOf(asked), instanceId),
    }),
    calls: async () => targets.ask('calls'),
  };
}

/** All targets are configured at once; which of them a request asks, its project decides. */
function configuration(ports: readonly number[]): string {
  const names = ports.map((port, index) => `t${index + 1}@http://127.0.0.1:${port}/`);
  const sections = ports.map((_, index) => {
    const projects = TARGET_COUNTS.filter((count) => index < count).map(projectOf);
    // Fatal: a target that fails must show as a failed request, not as an empty part.
    return `[vendordata_target:t${index + 1}]\nfailure = fatal\nprojects = ${projects.join(', ')}\n`;
  });
  return `[api]\nvendordata_dynamic_targets = ${names.join(', ')}\n\n${sections.join('\n')}`;
}

function projectOf(count: TargetCount): string {
  return `6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a${String(count).padStart(2, '0')}`;
}

function novaHeaders(token: string): Record<string, string> {
  return {
    'User-Agent': 'openstack-nova-vendordata',
    'Accept-Encoding': 'gzip, deflate',
    Accept: 'application/json',
    Connection: 'keep-alive',
    'Content-Type': 'application/json',
    'X-Auth-Token': token,
  };
}

function instanceJson(projectId: string, instanceId: string): string {
  return (
    `{"project-id": "${projectId}", "instance-id": "${instanceId}", ` +
    '"image-id": "75a74383-f276-4774-8074-8c4e3ff2ca64", "user-data": "IyEvYmluL3NoCmVjaG8gaGkK", ' +
    '"hostname": "mail-1", "metadata": {"role": "mail", "ipa_enroll": "True"}, ' +
    '"boot-roles": "member,reader,mail-operator"}'
  );
}
