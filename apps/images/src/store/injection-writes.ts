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
  requireInjectable(image, decision, propertyQuota);
  const stale = staleNames(image, decision);
  if (stale.length > 0) {
    await tx.deleteFrom('properties').where('image_id', '=', image.id).where('name', 'in', stale).execute();
  }
  const injected = new Map(Object.entries(decision.properties));
  await putProperties(tx, image.id, injected, true);
  if (stale.length > 0 || injected.size > 0) await touch(tx, image.id);
}

/**
 * Whether it could be done now: an import that can't succeed need not begin.
 *
 * @throws HallmarkError `PROPERTY_QUOTA`
 */
export function requireInjectable(
  image: FoundImage,
  decision: InjectionDecision,
  propertyQuota: number,
): void {
  const names = Object.keys(decision.properties);
  const stale = staleNames(image, decision);
  const own = [...image.properties.keys()].filter((name) => !stale.includes(name));
  requireInjectionQuota(own, names, names.length === 0 ? -1 : propertyQuota);
}

/** What an earlier import injected and this decision does not. */
const staleNames = (image: FoundImage, { properties }: InjectionDecision): string[] =>
  [...image.properties]
    .filter(([name, property]) => property.injected && !Object.hasOwn(properties, name))
    .map(([name]) => name);
