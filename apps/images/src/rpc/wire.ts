import { images } from '@hallmark/contracts';
import { forbidden } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import type { InjectionDecision } from '../domain/injection.ts';
import type { Explanation, PlacementQuestion, Reason } from '../domain/placement.ts';
import { storeIds } from '../domain/representation.ts';
import type { Task } from '../domain/task.ts';
import type { FoundImage } from '../store/image-rows.ts';

/** Who asks. Without one, nobody. */
export function callerFromWire(wire: images.Caller | undefined, enforceScope: boolean): Caller {
  const { userId, projectId, roles, serviceRoles, systemScope } = wire ?? images.Caller.fromPartial({});
  if (systemScope && enforceScope) {
    throw forbidden(
      'TOKEN_SCOPE',
      'A token for the whole system is not accepted here; use one for a project.',
    );
  }
  return { userId, projectId, roles, serviceRoles, systemScope };
}

export const jsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export function imageToWire(
  image: FoundImage,
  representation: Record<string, unknown>,
  isMultiStore: boolean,
): images.Image {
  return {
    json: jsonBytes(representation),
    id: image.id,
    status: image.status,
    size: image.size ?? undefined,
    checksum: image.checksum ?? '',
    stores: isMultiStore ? storeIds(image) : [],
  };
}

export function taskToWire(task: Task): images.Task {
  return {
    id: task.id,
    status: task.status,
    reason: task.reason,
    bytesDone: task.bytesDone,
    bytesTotal: task.bytesTotal,
    injection: task.injection && injectionToWire(task.injection),
  };
}

const injectionToWire = (decision: InjectionDecision): images.Injection => ({
  injected: decision.injected,
  userId: decision.userId,
  roles: [...decision.roles],
  rule: decision.rule,
  properties: { ...decision.properties },
  decidedAt: decision.decidedAt,
});

export function questionFromWire(
  request: images.ExplainPlacementRequest,
): Omit<PlacementQuestion, 'injected' | 'uploadsAreInjected'> {
  const switches = request.switches ?? images.PlacementSwitches.fromPartial({});
  return {
    properties: new Map(Object.entries(request.properties)),
    extraSpecs: new Map(Object.entries(request.flavorExtraSpecs)),
    hosts: request.hosts.map(({ name, traits, supportedInstances, hypervisorVersion }) => ({
      name,
      traits: new Set(traits),
      supportedInstances,
      hypervisorVersion,
    })),
    aggregates: request.aggregates.map(({ name, hosts, metadata }) => ({
      name,
      hosts: new Set(hosts),
      metadata: new Map(Object.entries(metadata)),
    })),
    switches: {
      ...switches,
      propertiesIsolation: switches.aggregateImagePropertiesIsolation,
      isolationSeparator: switches.isolationSeparator || '.',
    },
  };
}

export function explanationToWire({ hosts, remarks }: Explanation): images.ExplainPlacementResponse {
  return {
    hosts: hosts.map(({ host, possible, reasons }) => ({
      host,
      possible,
      reasons: reasons.map(reasonToWire),
    })),
    remarks: remarks.map(reasonToWire),
  };
}

const reasonToWire = (reason: Reason): images.PlacementReason => ({ ...reason });
