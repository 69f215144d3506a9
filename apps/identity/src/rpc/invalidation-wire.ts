import type { identity } from '@hallmark/contracts';
import type { InvalidationEvent } from '../domain/invalidations.ts';

export function invalidationToWire(event: InvalidationEvent): identity.WatchInvalidationsResponse {
  const { version } = event;
  switch (event.kind) {
    case 'hello':
      return { version, event: { $case: 'hello', value: { epoch: event.epoch } } };
    case 'heartbeat':
      return { version, event: { $case: 'heartbeat', value: {} } };
    case 'invalidated':
      return { version, event: { $case: 'tokenInvalidated', value: { tokenSha256: event.digest ?? '' } } };
  }
}
