import type { InjectionDecision } from '../domain/injection.ts';
import { requireInjectionQuota } from '../domain/quota.ts';
import type { FoundImage } from './image-rows.ts';
import { putProperties, touch, type ImagesTransaction } from './image-records.ts';

/**
 * Does what was decided, with the service's own rights: protections are for users. What an earlier
 * import injected and this one does not is taken off, so that an import can be tried again by
 * whoever. Counted and written in the transaction that has locked the image.
 *
 * @throws HallmarkError `PROPERTY_QUOTA`
 */
export async function applyInjection(
  tx: ImagesTransaction,
  image: FoundImage,
  decision: InjectionDecision,
  propertyQuota: number,
): Promise<void> {
  const injected = new Map(Object.entries(decision.properties));
  const stale = [...image.properties]
    .filter(([name, property]) => property.injected && !injected.has(name))
    .map(([name]) => name);
  const own = [...image.properties.keys()].filter((name) => !stale.includes(name));
  requireInjectionQuota(own, injected.keys(), injected.size === 0 ? -1 : propertyQuota);
  if (stale.length > 0) {
    await tx.deleteFrom('properties').where('image_id', '=', image.id).where('name', 'in', stale).execute();
  }
  await putProperties(tx, image.id, injected, true);
  if (stale.length > 0 || injected.size > 0) await touch(tx, image.id);
}
